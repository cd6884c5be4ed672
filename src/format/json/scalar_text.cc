#include "format/json/scalar_text.h"

#include "expression/datetime.h"
#include "format/json/time_parse.h"

namespace firn::format::json {
namespace {

// Of a lower-case digit.
int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::optional<int64_t> NumberMicros(const Number& number, const std::string& format) {
  const int32_t scale = format == "epoch_s" ? 6 : format == "epoch_ms" ? 3 : format == "epoch_us" ? 0 : -1;
  int32_t precision = 0;
  if (scale < 0) return std::nullopt;
  const auto micros = ToDecimal(number, scale, precision);
  if (!micros || precision > 18) return std::nullopt;
  return static_cast<int64_t>(*micros);
}

std::optional<int64_t> TextMicros(std::string_view text, const ColumnHint& hint, bool with_zone) {
  if (hint.format == "dotnet") return ParseDotnetTime(text);
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
  if (hint.timezone.empty()) return std::nullopt;
  if (const auto offset = ParseOffset(hint.timezone)) return parsed->micros - *offset * 60'000'000LL;
  const auto instant = expression::InstantOfLocal({.micros = parsed->micros}, hint.timezone);
  return instant.ok() ? std::optional(instant->micros) : std::nullopt;  // an hour that clocks skip does not exist
}

std::optional<unsigned __int128> ParseUuid(std::string_view text) {
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return std::nullopt;
  unsigned __int128 value = 0;
  auto* bytes = reinterpret_cast<uint8_t*>(&value);
  int digit = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const int nibble = HexValue(c);
    if (nibble < 0 || digit == 32) return std::nullopt;
    bytes[digit / 2] = static_cast<uint8_t>(bytes[digit / 2] << 4 | nibble);
    ++digit;
  }
  return digit == 32 ? std::optional(value) : std::nullopt;
}

bool AppendNumber(Column& column, int64_t row, const Number& number, bool& ok) {
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

}  // namespace firn::format::json
