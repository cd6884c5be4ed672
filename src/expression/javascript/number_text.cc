#include "expression/javascript/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// digits × 10^(point - digits.size()): 12.5 is "125" and 2.
struct Decimal {
  std::string digits;
  int point = 0;
};

Decimal Shortest(double value) {  // finite, > 0
  std::array<char, 32> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  const std::string text(buffer.data(), end);
  const size_t e = text.find('e');
  Decimal decimal{.digits = text.substr(0, 1), .point = std::stoi(text.substr(e + 1)) + 1};
  if (e > 1) decimal.digits += text.substr(2, e - 2);
  return decimal;
}

// All digits of a finite number > 0; ties are then decided as the language wants it, away from zero.
Decimal Exact(double value) {
  std::string text(1500, '\0');
  text.resize(static_cast<size_t>(std::snprintf(text.data(), text.size(), "%.1074f", value)));
  const size_t dot = text.find('.');
  Decimal decimal{.digits = text.substr(0, dot) + text.substr(dot + 1), .point = static_cast<int>(dot)};
  const size_t first = decimal.digits.find_first_not_of('0');
  decimal.digits.erase(0, first);
  decimal.point -= static_cast<int>(first);
  decimal.digits.erase(decimal.digits.find_last_not_of('0') + 1);
  return decimal;
}

// Keeps `count` digits (may be 0 or less), half up. May grow by one digit at the front.
void RoundTo(Decimal* decimal, int count) {
  if (count < 0) {
    *decimal = {.digits = "", .point = decimal->point - count};
    return;
  }
  const auto keep = static_cast<size_t>(count);
  if (keep >= decimal->digits.size()) {
    decimal->digits.append(keep - decimal->digits.size(), '0');
    return;
  }
  const bool up = decimal->digits[keep] >= '5';
  decimal->digits.resize(keep);
  if (!up) return;
  size_t at = keep;
  while (at > 0 && decimal->digits[at - 1] == '9') decimal->digits[--at] = '0';
  if (at > 0) {
    ++decimal->digits[at - 1];
  } else {
    decimal->digits.insert(decimal->digits.begin(), '1');
    ++decimal->point;
  }
}

std::string Exponent(int exponent) {
  return (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
}

std::string Plain(const Decimal& decimal) {
  const int count = static_cast<int>(decimal.digits.size());
  if (decimal.point <= 0) return "0." + std::string(static_cast<size_t>(-decimal.point), '0') + decimal.digits;
  if (decimal.point >= count) return decimal.digits + std::string(static_cast<size_t>(decimal.point - count), '0');
  const auto point = static_cast<size_t>(decimal.point);
  return decimal.digits.substr(0, point) + "." + decimal.digits.substr(point);
}

std::string Scientific(const Decimal& decimal) {
  std::string text = decimal.digits.substr(0, 1);
  if (decimal.digits.size() > 1) text += "." + decimal.digits.substr(1);
  return text + Exponent(decimal.point - 1);
}

std::u16string Signed(double value, const std::string& text) {
  return Widen(value < 0 ? "-" + text : text);
}

int DigitOf(char16_t unit) {
  if (unit >= '0' && unit <= '9') return unit - '0';
  if (unit >= 'a' && unit <= 'z') return unit - 'a' + 10;
  if (unit >= 'A' && unit <= 'Z') return unit - 'A' + 10;
  return 99;
}

// The length of a decimal literal at the start: digits, point, exponent. 0 when there is none.
size_t DecimalLength(std::u16string_view text) {
  size_t at = 0;
  size_t digits = 0;
  const auto run = [&] {
    while (at < text.size() && DigitOf(text[at]) < 10) ++at, ++digits;
  };
  run();
  if (at < text.size() && text[at] == '.') {
    ++at;
    run();
  }
  if (digits == 0) return 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    size_t exponent = at + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (exponent < text.size() && DigitOf(text[exponent]) < 10) {
      while (exponent < text.size() && DigitOf(text[exponent]) < 10) ++exponent;
      at = exponent;
    }
  }
  return at;
}

double Decimals(std::u16string_view text) {
  const std::string narrow(text.begin(), text.end());
  return JsonNumber(narrow);
}

// Digits of a power of two are exact to the last bit, as ECMAScript wants it; others are accumulated.
double Digits(std::u16string_view text, int radix) {
  if (radix == 10) return Decimals(text);
  double value = 0;
  for (const char16_t unit : text) value = value * radix + DigitOf(unit);
  return value;
}

}  // namespace

double JsonNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  return std::strtod(std::string(text).c_str(), nullptr);  // infinite, or zero
}

std::u16string NumberToText(double value) {
  if (std::isnan(value)) return u"NaN";
  if (std::isinf(value)) return value < 0 ? u"-Infinity" : u"Infinity";
  if (value == 0) return u"0";
  const Decimal decimal = Shortest(std::abs(value));
  const bool plain = decimal.point > -6 && decimal.point <= 21;
  return Signed(value, plain ? Plain(decimal) : Scientific(decimal));
}

std::u16string NumberToFixed(double value, int digits) {
  if (!std::isfinite(value) || std::abs(value) >= 1e21) return NumberToText(value);
  Decimal decimal = value == 0 ? Decimal{} : Exact(std::abs(value));
  RoundTo(&decimal, decimal.point + digits);
  if (decimal.digits.empty()) decimal = {.digits = std::string(static_cast<size_t>(digits), '0'), .point = 0};
  std::string text;
  if (digits == 0) {
    text = decimal.point <= 0 ? "0" : decimal.digits;
  } else {
    text = Plain(decimal);
  }
  return Signed(value, text);
}

std::u16string NumberToPrecision(double value, int precision) {
  if (!std::isfinite(value)) return NumberToText(value);
  Decimal decimal{.digits = std::string(static_cast<size_t>(precision), '0'), .point = 1};
  if (value != 0) {
    decimal = Exact(std::abs(value));
    RoundTo(&decimal, precision);
    decimal.digits.resize(static_cast<size_t>(precision));
  }
  const int exponent = decimal.point - 1;
  return Signed(value, exponent < -6 || exponent >= precision ? Scientific(decimal) : Plain(decimal));
}

std::u16string NumberToExponential(double value, int digits) {
  if (!std::isfinite(value)) return NumberToText(value);
  Decimal decimal{.digits = std::string(static_cast<size_t>(std::max(digits, 0)) + 1, '0'), .point = 1};
  if (value != 0 && digits < 0) decimal = Shortest(std::abs(value));
  if (value != 0 && digits >= 0) {
    decimal = Exact(std::abs(value));
    RoundTo(&decimal, digits + 1);
    decimal.digits.resize(static_cast<size_t>(digits) + 1);
  }
  return Signed(value, Scientific(decimal));
}

// V8's DoubleToRadixCString: as many digits of the fraction as tell the number from its neighbours.
std::u16string NumberToRadix(double value, int radix) {
  if (radix == 10 || !std::isfinite(value)) return NumberToText(value);
  const char* kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  double integer = std::floor(std::abs(value));
  double fraction = std::abs(value) - integer;
  double delta = 0.5 * (std::nextafter(std::abs(value), kInfinity) - std::abs(value));
  delta = std::max(std::nextafter(0.0, 1.0), delta);
  std::string tail;
  if (fraction >= delta) {
    tail = ".";
    do {
      fraction *= radix;
      delta *= radix;
      const int digit = static_cast<int>(fraction);
      tail += kDigits[digit];
      fraction -= digit;
      if (fraction > 0.5 || (fraction == 0.5 && (digit & 1) != 0)) {
        if (fraction + delta > 1) {  // round up, with the carry
          while (true) {
            const char last = tail.back();
            tail.pop_back();
            if (last == '.') {
              integer += 1;
              break;
            }
            const int next = DigitOf(static_cast<char16_t>(last)) + 1;
            if (next < radix) {
              tail += kDigits[next];
              break;
            }
          }
          break;
        }
      }
    } while (fraction >= delta);
  }
  std::string head;
  while (integer >= 9007199254740992.0 * 2 && std::ilogb(integer / radix) >= 53) {  // digits below the precision
    integer /= radix;
    head += '0';
  }
  do {
    const double remainder = std::fmod(integer, radix);
    head += kDigits[static_cast<int>(remainder)];
    integer = (integer - remainder) / radix;
  } while (integer > 0);
  std::reverse(head.begin(), head.end());
  return Signed(value, head + tail);
}

double TextToNumber(std::u16string_view text) {
  text = TrimSpace(text, true, true);
  if (text.empty()) return 0;
  if (text.size() > 2 && text[0] == '0') {
    const char16_t letter = text[1] | 0x20;
    const int radix = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (radix != 0) {
      text.remove_prefix(2);
      const bool all = std::all_of(text.begin(), text.end(), [&](char16_t unit) { return DigitOf(unit) < radix; });
      return all ? Digits(text, radix) : kNan;
    }
  }
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  double value = kNan;
  if (text == u"Infinity") value = kInfinity;
  if (!text.empty() && DecimalLength(text) == text.size()) value = Decimals(text);
  return negative ? -value : value;
}

double ParseFloat(std::u16string_view text) {
  text = TrimSpace(text, true, false);
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  double value = kNan;
  if (text.starts_with(u"Infinity")) {
    value = kInfinity;
  } else if (const size_t length = DecimalLength(text); length > 0) {
    value = Decimals(text.substr(0, length));
  }
  return negative ? -value : value;
}

double ParseInt(std::u16string_view text, int radix) {
  text = TrimSpace(text, true, false);
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (radix != 0 && (radix < 2 || radix > 36)) return kNan;
  const bool hex = text.size() >= 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
  if (hex && (radix == 0 || radix == 16)) {
    text.remove_prefix(2);
    radix = 16;
  }
  if (radix == 0) radix = 10;
  size_t length = 0;
  while (length < text.size() && DigitOf(text[length]) < radix) ++length;
  if (length == 0) return kNan;
  const double value = Digits(text.substr(0, length), radix);
  return negative ? -value : value;
}

uint32_t ToUint32(double value) {
  if (!std::isfinite(value)) return 0;
  const double modulo = std::fmod(std::trunc(value), 4294967296.0);
  return static_cast<uint32_t>(static_cast<int64_t>(modulo));
}
int32_t ToInt32(double value) {
  return static_cast<int32_t>(ToUint32(value));
}

}  // namespace firn::expression::javascript
