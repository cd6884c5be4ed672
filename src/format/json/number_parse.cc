#include "format/json/number_parse.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "format/json/structural_walker.h"

namespace firn::format::json {
namespace {

constexpr int64_t kExponentMax = 1'000'000'000;  // beyond it only the sign matters
constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Reads "e+12" from its sign on; null if there is no digit.
const uint8_t* ScanExponent(const uint8_t* at, int64_t& exponent) {
  bool negative = false;
  if (*at == '+' || *at == '-') negative = *at++ == '-';
  if (!IsDigit(*at)) return nullptr;
  int64_t value = 0;
  for (; IsDigit(*at); ++at) {
    if (value < kExponentMax) value = value * 10 + (*at - '0');
  }
  exponent += negative ? -value : value;
  return at;
}

// True if both are the same number. Digits are already without zeros at both ends.
bool SameNumber(const DecimalDigits& a, const DecimalDigits& b) {
  return a.fits && b.fits && a.value == b.value && (a.value == 0 || a.exponent == b.exponent);
}

// The general case: read correctly rounded, write as short as possible, compare.
std::optional<double> RoundTrip(const Number& number) {
  const DecimalDigits digits = ToDigits(number);
  if (!digits.fits || digits.num_digits > std::numeric_limits<double>::max_digits10) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(number.text.data(), number.text.data() + number.text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  char shortest[64];
  const auto written = std::to_chars(shortest, shortest + sizeof shortest, value, std::chars_format::scientific);
  Number back;
  if (written.ec != std::errc() || !ParseNumber({shortest, static_cast<size_t>(written.ptr - shortest)}, back)) {
    return std::nullopt;
  }
  return SameNumber(digits, ToDigits(back)) ? std::optional(value) : std::nullopt;
}

}  // namespace

const uint8_t* ScanNumber(const uint8_t* begin, Number& number) {
  const uint8_t* at = begin;
  number.negative = *at == '-';
  at += number.negative;
  const uint8_t* const digits = at;
  if (!IsDigit(*at)) return nullptr;
  uint64_t mantissa = 0;
  for (; IsDigit(*at); ++at) mantissa = mantissa * 10 + static_cast<uint64_t>(*at - '0');  // may wrap, see `exact`
  int64_t num_digits = at - digits;
  if (num_digits > 1 && *digits == '0') return nullptr;
  int64_t exponent = 0;
  number.is_integer = true;
  if (*at == '.') {
    const uint8_t* const fraction = ++at;
    for (; IsDigit(*at); ++at) mantissa = mantissa * 10 + static_cast<uint64_t>(*at - '0');
    if (at == fraction) return nullptr;
    exponent = fraction - at;
    num_digits -= exponent;
    number.is_integer = false;
  }
  if (*at == 'e' || *at == 'E') {
    at = ScanExponent(at + 1, exponent);
    if (!at) return nullptr;
    number.is_integer = false;
  }
  number.mantissa = mantissa;
  number.exponent = exponent;
  number.exact = num_digits <= 19;  // 10^19 - 1 < 2^64
  number.text = {reinterpret_cast<const char*>(begin), static_cast<size_t>(at - begin)};
  return at;
}

bool ParseNumber(std::string_view text, Number& number) {
  if (text.empty()) return false;
  char small[64];
  if (text.size() < sizeof small) {  // the byte behind the text may not be readable
    std::memcpy(small, text.data(), text.size());
    small[text.size()] = 0;
    const auto* begin = reinterpret_cast<const uint8_t*>(small);
    const uint8_t* end = ScanNumber(begin, number);
    number.text = text;
    return end == begin + text.size();
  }
  const std::string copy(text);
  const auto* begin = reinterpret_cast<const uint8_t*>(copy.c_str());
  const uint8_t* end = ScanNumber(begin, number);
  number.text = text;
  return end == begin + text.size();
}

std::optional<int64_t> ToInt64(const Number& number) {
  if (!number.is_integer || !number.exact) return std::nullopt;
  constexpr uint64_t kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (number.mantissa > kMax + (number.negative ? 1 : 0)) return std::nullopt;
  return number.negative ? static_cast<int64_t>(0 - number.mantissa) : static_cast<int64_t>(number.mantissa);
}

std::optional<double> ToExactDouble(const Number& number) {
  // At most 15 significant digits always survive the way to a normal double and back; a mantissa below 2^53 and a
  // power of ten up to 22 are exact doubles, so that one operation rounds once and therefore right.
  if (number.exact && number.mantissa < 1'000'000'000'000'000 && number.exponent >= -22 && number.exponent <= 22) {
    const auto mantissa = static_cast<double>(number.mantissa);
    const double value =
        number.exponent < 0 ? mantissa / kPowers[-number.exponent] : mantissa * kPowers[number.exponent];
    return number.negative ? -value : value;
  }
  return RoundTrip(number);
}

std::optional<float> ToExactFloat(const Number& number) {
  const auto wide = ToExactDouble(number);
  if (!wide || std::abs(*wide) > static_cast<double>(std::numeric_limits<float>::max())) return std::nullopt;
  const auto narrow = static_cast<float>(*wide);
  return static_cast<double>(narrow) == *wide ? std::optional(narrow) : std::nullopt;
}

DecimalDigits ToDigits(const Number& number) {
  DecimalDigits digits{.fits = true, .exponent = number.exponent};
  int64_t zeros = 0;  // seen, not yet known to be trailing
  const auto add = [&](int digit) {
    if (digit == 0) {
      zeros += digits.num_digits > 0;
      return;
    }
    if (digits.num_digits + zeros >= 38) digits.fits = false;
    if (!digits.fits) return;
    for (; zeros > 0; --zeros, ++digits.num_digits) digits.value *= 10;
    digits.value = digits.value * 10 + static_cast<unsigned>(digit);
    ++digits.num_digits;
  };
  for (const char c : number.text) {
    if (c == 'e' || c == 'E') break;
    if (IsDigit(static_cast<uint8_t>(c))) add(c - '0');
  }
  digits.exponent = digits.num_digits == 0 ? 0 : digits.exponent + zeros;
  return digits;
}

std::optional<__int128> ToDecimal(const Number& number, int32_t scale, int32_t& precision) {
  const DecimalDigits digits = ToDigits(number);
  if (!digits.fits || digits.fraction_digits() > scale) return std::nullopt;
  if (digits.num_digits == 0) {
    precision = 1;
    return 0;
  }
  const int64_t shift = digits.exponent + scale;
  if (shift < 0 || digits.num_digits + shift > 38) return std::nullopt;
  unsigned __int128 value = digits.value;
  for (int64_t i = 0; i < shift; ++i) value *= 10;
  precision = static_cast<int32_t>(digits.num_digits + shift);
  return number.negative ? -static_cast<__int128>(value) : static_cast<__int128>(value);
}

}  // namespace firn::format::json
