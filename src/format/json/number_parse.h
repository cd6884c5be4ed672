#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace firn::format::json {

/// A JSON number as it stands in the text; nothing is rounded. Value = ±mantissa · 10^exponent when `exact`.
struct Number {
  uint64_t mantissa = 0;
  int64_t exponent = 0;
  bool negative = false;
  bool is_integer = true;  // no fraction and no exponent part in the text
  bool exact = true;       // false: more digits than the mantissa holds; the text has them
  std::string_view text;   // the number's text
};

/// Reads `text`, which must be one JSON number and nothing else. Returns false if it is not (RFC 8259 section 6).
bool ParseNumber(std::string_view text, Number& number);

/// Reads the number that starts at `begin`, up to the first byte that cannot belong to it. Returns the byte behind it
/// or null. The bytes behind must be readable until one that ends the number.
const uint8_t* ScanNumber(const uint8_t* begin, Number& number);

/// The value as int64, if it is written as an integer and fits. "-0" is 0.
std::optional<int64_t> ToInt64(const Number& number);
/// The value as a double, if the shortest text that reads back to that double is numerically the source number.
std::optional<double> ToExactDouble(const Number& number);
/// The same for a float, which must also be that very double: a later promotion to double then changes nothing.
std::optional<float> ToExactFloat(const Number& number);

/// The decimal digits of a number, leading and trailing zeros removed.
struct DecimalDigits {
  bool fits = false;  // at most 38 significant digits
  unsigned __int128 value = 0;
  int32_t num_digits = 0;  // of value; 0 for zero
  int64_t exponent = 0;    // number = ±value · 10^exponent
  /// Digits before and after the decimal point that a decimal type needs.
  int64_t integer_digits() const { return num_digits + exponent > 0 ? num_digits + exponent : 0; }
  int64_t fraction_digits() const { return num_digits > 0 && exponent < 0 ? -exponent : 0; }
};
DecimalDigits ToDigits(const Number& number);

/// The unscaled value of decimal(38, scale), if the number has no more than `scale` fraction digits and at most 38
/// digits in all. `precision`: set to the digits that the unscaled value has (at least 1).
std::optional<__int128> ToDecimal(const Number& number, int32_t scale, int32_t& precision);

}  // namespace firn::format::json
