// The part of Decoder that appends single values.
#include "format/json/decoder.h"
#include "format/json/number_parse.h"
#include "format/json/string_parse.h"
#include "format/json/time_parse.h"

namespace firn::format::json {
namespace {

// The inside of the string literal at `at`, still escaped.
inline std::string_view Inside(const uint8_t* body, const uint32_t* at) {
  const uint32_t begin = at[0] + 1;
  uint32_t end = at[1] - 1;
  while (body[end] != '"') --end;  // only whitespace lies between; stage 1 has seen the closing quote
  return {reinterpret_cast<const char*>(body) + begin, end - begin};
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// A time as a hint's format has it: micros since the epoch (times and dates too), or nothing.
std::optional<int64_t> NumberMicros(const Number& number, const std::string& format) {
  const int32_t scale = format == "epoch_s" ? 6 : format == "epoch_ms" ? 3 : format == "epoch_us" ? 0 : -1;
  int32_t precision = 0;
  if (scale < 0) return std::nullopt;
  const auto micros = ToDecimal(number, scale, precision);
  if (!micros || precision > 18) return std::nullopt;
  return static_cast<int64_t>(*micros);
}

std::optional<int64_t> TextMicros(std::string_view text, const ColumnHint& hint, bool with_zone) {
  std::optional<ParsedTimestamp> parsed;
  if (!hint.format.empty() && hint.format != "iso") {
    parsed = ParseWithPattern(text, hint.format);
  } else {
    parsed = ParseTimestampText(text);
    if (const auto date = parsed ? std::nullopt : ParseDate(text)) parsed = {.micros = *date * 86'400'000'000LL};
  }
  if (!parsed) return std::nullopt;
  if (!with_zone) return parsed->has_offset ? std::nullopt : std::optional(parsed->micros);
  if (parsed->has_offset) return parsed->micros;
  const auto offset = ParseOffset(hint.timezone);
  if (!offset) return std::nullopt;
  return parsed->micros - *offset * 60'000'000LL;
}

}  // namespace

const uint32_t* Decoder::Long(Column& column, int64_t row, const uint32_t* at) {
  const uint8_t* p = body_ + *at;
  const bool negative = *p == '-';
  p += negative;
  const uint8_t* const digits = p;
  uint64_t value = 0;
  for (; IsDigit(*p); ++p) value = value * 10 + static_cast<uint64_t>(*p - '0');
  const int64_t num_digits = p - digits;
  if (num_digits == 0 || num_digits > 18 || (*digits == '0' && num_digits > 1) || !EndsScalar(*p)) [[unlikely]] {
    return NumberInto(column, row, at);
  }
  const auto integer = static_cast<int64_t>(value);
  return column.AppendFixed<int64_t>(row, negative ? -integer : integer) ? at + 1 : Exhausted(at);
}

const uint32_t* Decoder::NumberInto(Column& column, int64_t row, const uint32_t* at) {
  const uint8_t* text = body_ + *at;
  if (*text != '-' && !IsDigit(*text)) return HintedInto(column, row, at);
  Number number;
  const uint8_t* end = ScanNumber(text, number);
  if (!end || !EndsScalar(*end)) return Malformed("no valid number", at);
  bool ok = false;
  if (!AppendNumber(column, row, number, ok)) [[unlikely]]
    return HintedInto(column, row, at);
  return ok ? at + 1 : Exhausted(at);
}

// True if the number fits the column's type; then `ok` says whether there was memory.
bool Decoder::AppendNumber(Column& column, int64_t row, const Number& number, bool& ok) {
  switch (column.kind) {
    case Kind::kDouble: {
      if (number.is_integer && (!number.exact || number.mantissa > (1ULL << 53))) return false;
      const auto value = ToExactDouble(number);
      if (value) ok = column.AppendFixed<double>(row, *value);
      return value.has_value();
    }
    case Kind::kLong: {
      const auto value = ToInt64(number);
      if (value) ok = column.AppendFixed<int64_t>(row, *value);
      return value.has_value();
    }
    case Kind::kInt: {
      const auto value = ToInt64(number);
      if (!value || *value < INT32_MIN || *value > INT32_MAX) return false;
      ok = column.AppendFixed<int32_t>(row, static_cast<int32_t>(*value));
      return true;
    }
    case Kind::kFloat: {
      const auto value = ToExactFloat(number);
      if (value) ok = column.AppendFixed<float>(row, *value);
      return value.has_value();
    }
    case Kind::kDecimal: {
      int32_t precision = 0;
      const auto value = ToDecimal(number, column.scale, precision);
      if (!value || precision > column.precision) return false;
      ok = column.AppendFixed<__int128>(row, *value);
      return true;
    }
    default:
      return false;
  }
}

const uint32_t* Decoder::StringInto(Column& column, int64_t row, const uint32_t* at) {
  if (body_[*at] != '"') return HintedInto(column, row, at);
  const std::string_view inside = Inside(body_, at);
  uint8_t* to = column.PrepareText(row, inside.size());
  if (!to) return Exhausted(at);
  if (!CopyPlain(reinterpret_cast<const uint8_t*>(inside.data()), inside.size(), to)) [[unlikely]] {
    return EscapedString(column, row, inside, at);
  }
  return column.CommitText(row, inside.size()) ? at + 1 : Exhausted(at);
}

const uint32_t* Decoder::EscapedString(Column& column, int64_t row, std::string_view inside, const uint32_t* at) {
  uint8_t* to = column.PrepareText(row, inside.size());
  if (!to) return Exhausted(at);
  size_t size = 0;
  switch (UnescapeTo(inside, reinterpret_cast<char*>(to), size)) {
    case Unescape::kOk:
      return column.CommitText(row, size) ? at + 1 : Exhausted(at);
    case Unescape::kBadEscape:
      return Malformed(UnescapeText(Unescape::kBadEscape), at);
    case Unescape::kLoneSurrogate:
      return Fail(Outcome::kQuarantine, UnescapeText(Unescape::kLoneSurrogate), at);
  }
  return nullptr;
}

const uint32_t* Decoder::TimeInto(Column& column, int64_t row, const uint32_t* at) {
  if (column.hint || body_[*at] != '"') return HintedInto(column, row, at);
  const std::string_view inside = Inside(body_, at);
  if (column.kind == Kind::kDate) {
    const auto days = ParseDate(inside);
    if (!days) return Mismatch(at);
    return column.AppendFixed<int32_t>(row, *days) ? at + 1 : Exhausted(at);
  }
  if (column.kind == Kind::kTime) {
    const auto micros = ParseTimeOfDay(inside);
    if (!micros) return Mismatch(at);
    return column.AppendFixed<int64_t>(row, *micros) ? at + 1 : Exhausted(at);
  }
  const auto parsed = ParseTimestampText(inside);
  if (!parsed || parsed->has_offset != (column.kind == Kind::kTimestampTz)) return Mismatch(at);
  return column.AppendFixed<int64_t>(row, parsed->micros) ? at + 1 : Exhausted(at);
}

// RFC 9562: 8-4-4-4-12 hex digits.
const uint32_t* Decoder::UuidInto(Column& column, int64_t row, const uint32_t* at) {
  if (body_[*at] != '"') return Mismatch(at);
  const std::string_view text = Inside(body_, at);
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return Mismatch(at);
  unsigned __int128 value = 0;
  auto* bytes = reinterpret_cast<uint8_t*>(&value);
  int digit = 0;
  for (const char c : text) {
    if (c == '-') continue;
    // Upper-case digits would be lost: the canonical form is lower case.
    const int nibble = c >= 'A' && c <= 'F' ? -1 : HexValue(c);
    if (nibble < 0 || digit == 32) return Mismatch(at);
    bytes[digit / 2] = static_cast<uint8_t>(bytes[digit / 2] << 4 | nibble);
    ++digit;
  }
  if (digit != 32) return Mismatch(at);
  return column.AppendFixed(row, value) ? at + 1 : Exhausted(at);
}

const uint32_t* Decoder::JsonInto(Column& column, int64_t row, const uint32_t* at) {
  const uint32_t* after = Skip(at);
  if (!after) return nullptr;
  const uint8_t last = body_[after[-1]];
  const uint32_t end = last == '}' || last == ']' ? after[-1] + 1 : TokenEnd(body_, after - 1);
  const std::string_view text(reinterpret_cast<const char*>(body_) + *at, end - *at);
  if (!column.masks) return column.AppendText(row, text) ? after : Exhausted(at);
  Result<std::string> masked = MaskedText(text, column.masks);
  if (!masked.ok()) return Malformed("no valid JSON", at);
  return column.AppendText(row, *masked) ? after : Exhausted(at);
}

const uint32_t* Decoder::MaskedInto(Column& column, int64_t row, const uint32_t* at) {
  const uint32_t* after = Skip(at);
  if (!after) return nullptr;
  const uint8_t last = body_[after[-1]];
  const uint32_t end = last == '}' || last == ']' ? after[-1] + 1 : TokenEnd(body_, after - 1);
  std::string_view text(reinterpret_cast<const char*>(body_) + *at, end - *at);
  if (text.front() == '"') {
    const std::string_view inside = text.substr(1, text.size() - 2);
    text_.resize(inside.size());
    size_t size = 0;
    if (UnescapeTo(inside, text_.data(), size) == Unescape::kOk) text = std::string_view(text_).substr(0, size);
  }
  const std::optional<std::string> masked = column.masks->Apply(text);
  if (!masked) return after;
  return column.AppendText(row, *masked) ? after : Exhausted(at);
}

// A declared type takes what is written another way but means the same: numbers in strings, numbers and booleans as
// text, times by format.
const uint32_t* Decoder::HintedInto(Column& column, int64_t row, const uint32_t* at) {
  const ColumnHint* hint = column.hint;
  const uint8_t first = body_[*at];
  if (!hint || first == '{' || first == '[' || first == 'n') return Mismatch(at);
  const std::string_view token = TokenText(body_, at);
  if (const char* reason = CheckScalar(token)) return Malformed(reason, at);
  const bool is_text = first == '"';
  const std::string_view inside = is_text ? Inside(body_, at) : token;
  Number number;
  const bool is_number = ParseNumber(inside, number);
  bool ok = true;
  switch (column.kind) {
    case Kind::kString:
      if (is_text) return Mismatch(at);
      return column.AppendText(row, token) ? at + 1 : Exhausted(at);
    case Kind::kBool:
      if (inside != "true" && inside != "false") return Mismatch(at);
      return column.AppendFixed<uint8_t>(row, inside == "true") ? at + 1 : Exhausted(at);
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kTimestampTz: {
      const auto micros = is_text     ? TextMicros(inside, *hint, column.kind == Kind::kTimestampTz)
                          : is_number ? NumberMicros(number, hint->format)
                                      : std::nullopt;
      if (!micros) return Mismatch(at);
      constexpr int64_t kDay = 86'400'000'000;
      if (column.kind == Kind::kDate && *micros % kDay != 0) return Mismatch(at);
      ok = column.kind == Kind::kDate ? column.AppendFixed<int32_t>(row, static_cast<int32_t>(*micros / kDay))
                                      : column.AppendFixed<int64_t>(row, *micros);
      return ok ? at + 1 : Exhausted(at);
    }
    case Kind::kTime: {
      const auto micros = is_text ? ParseTimeOfDay(inside) : std::nullopt;
      if (!micros) return Mismatch(at);
      return column.AppendFixed<int64_t>(row, *micros) ? at + 1 : Exhausted(at);
    }
    default:
      break;
  }
  if (!is_number || !AppendNumber(column, row, number, ok)) return Mismatch(at);
  return ok ? at + 1 : Exhausted(at);
}

}  // namespace firn::format::json
