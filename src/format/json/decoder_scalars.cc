// The part of Decoder that appends single values.
#include "format/json/bytes_parse.h"
#include "format/json/decoder.h"
#include "format/json/number_parse.h"
#include "format/json/scalar_text.h"
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
  if (!PutNumber(column, row, number, ok)) [[unlikely]]
    return HintedInto(column, row, at);
  return ok ? at + 1 : Exhausted(at);
}

// As AppendNumber; inference knows 1.0 as a fraction.
bool Decoder::PutNumber(Column& column, int64_t row, const Number& number, bool& ok) {
  const bool guess = evolution_ == Evolution::kGuess && column.kind == Kind::kDecimal && !column.hint;
  return (!guess || number.is_integer) && AppendNumber(column, row, number, ok);
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

// Nanoseconds; what a hint's format says in microseconds is exact in them too.
const uint32_t* Decoder::NanosInto(Column& column, int64_t row, const uint32_t* at) {
  const uint8_t first = body_[*at];
  const bool with_zone = column.kind == Kind::kTimestampTzNs;
  std::optional<int64_t> micros;
  if (first == '"') {
    const std::string_view inside = Inside(body_, at);
    const auto parsed = ParseTimestampNanos(inside);
    const bool iso = !column.hint || column.hint->format.empty() || column.hint->format == "iso";
    if (iso && parsed && parsed->has_offset == with_zone) {
      return column.AppendFixed<int64_t>(row, parsed->nanos) ? at + 1 : Exhausted(at);
    }
    if (column.hint) micros = TextMicros(inside, *column.hint, with_zone);
  } else if (column.hint && (first == '-' || IsDigit(first))) {
    Number number;
    if (!ParseNumber(TokenText(body_, at), number)) return Malformed("no valid number", at);
    micros = NumberMicros(number, column.hint->format);
  }
  int64_t nanos = 0;
  if (!micros || __builtin_mul_overflow(*micros, int64_t{1000}, &nanos)) return Mismatch(at);
  return column.AppendFixed<int64_t>(row, nanos) ? at + 1 : Exhausted(at);
}

// Base64, or hexadecimal digits where the column's format says so.
const uint32_t* Decoder::BytesInto(Column& column, int64_t row, const uint32_t* at) {
  if (body_[*at] != '"') return Mismatch(at);
  const std::string_view inside = Inside(body_, at);
  text_.resize(inside.size());
  size_t size = 0;
  if (UnescapeTo(inside, text_.data(), size) != Unescape::kOk) return Mismatch(at);  // "\/" is a way to write a slash
  const std::string_view text = std::string_view(text_).substr(0, size);
  const bool hex = column.hint && column.hint->format == "hex";
  const auto bytes = hex ? ParseHex(text) : ParseBase64(text);
  if (!bytes) return Mismatch(at);
  if (column.kind == Kind::kBinary) return column.AppendText(row, *bytes) ? at + 1 : Exhausted(at);
  if (static_cast<int64_t>(bytes->size()) != column.fixed_length) return Mismatch(at);
  return column.AppendRaw(row, *bytes) ? at + 1 : Exhausted(at);
}

const uint32_t* Decoder::UuidInto(Column& column, int64_t row, const uint32_t* at) {
  const auto value = body_[*at] == '"' ? ParseUuid(Inside(body_, at)) : std::nullopt;
  if (!value) return Mismatch(at);
  return column.AppendFixed(row, *value) ? at + 1 : Exhausted(at);
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
  if (!is_number || !PutNumber(column, row, number, ok)) return Mismatch(at);
  return ok ? at + 1 : Exhausted(at);
}

}  // namespace firn::format::json
