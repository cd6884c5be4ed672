#include "expression/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace firn::expression {
namespace {

constexpr int64_t kExponentMax = 1'000'000'000'000;  // exponents are clamped here; no text can hold more digits
constexpr size_t kComputedDigitsMax = 37;            // fits a signed 128-bit integer

// value = (negative ? -1 : 1) * digits * 10^exponent; digits without leading or trailing zeros, empty for zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
};

int64_t ParseExponent(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int64_t value = 0;
  for (const char c : text) value = std::min(value * 10 + (c - '0'), kExponentMax);
  return negative ? -value : value;
}

Decimal ParseDecimal(std::string_view text) {
  Decimal result;
  if (!text.empty() && text[0] == '-') {
    result.negative = true;
    text.remove_prefix(1);
  }
  const size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos) {
    result.exponent = ParseExponent(text.substr(e + 1));
    text = text.substr(0, e);
  }
  const size_t point = text.find('.');
  result.digits.assign(text.substr(0, point));
  if (point != std::string_view::npos) {
    result.digits += text.substr(point + 1);
    result.exponent -= static_cast<int64_t>(text.size() - point - 1);
  }
  const size_t last = result.digits.find_last_not_of('0');
  if (last == std::string::npos) return {};
  result.exponent += static_cast<int64_t>(result.digits.size() - last - 1);
  result.digits.resize(last + 1);
  result.digits.erase(0, result.digits.find_first_not_of('0'));
  return result;
}

int CompareMagnitude(const Decimal& a, const Decimal& b) {
  if (a.digits.empty() || b.digits.empty())
    return static_cast<int>(!a.digits.empty()) - static_cast<int>(!b.digits.empty());
  const int64_t top_a = static_cast<int64_t>(a.digits.size()) + a.exponent;
  const int64_t top_b = static_cast<int64_t>(b.digits.size()) + b.exponent;
  if (top_a != top_b) return top_a < top_b ? -1 : 1;
  // The same leading place and no trailing zeros: the digits order as text, a prefix being smaller.
  const int order = a.digits.compare(b.digits);
  return order < 0 ? -1 : static_cast<int>(order > 0);
}

__int128 ToInteger(const Decimal& value, int64_t exponent) {
  __int128 result = 0;
  for (const char c : value.digits) result = result * 10 + (c - '0');
  for (int64_t i = exponent; i < value.exponent; ++i) result *= 10;
  return value.negative ? -result : result;
}

std::string FromInteger(__int128 value, int64_t exponent) {
  if (value == 0) return "0";
  for (; exponent < 0 && value % 10 == 0; ++exponent) value /= 10;
  const bool negative = value < 0;
  std::string digits;
  for (; value != 0; value /= 10)
    digits += static_cast<char>('0' + static_cast<int>(negative ? -(value % 10) : value % 10));
  std::reverse(digits.begin(), digits.end());
  if (exponent > 0) digits.append(static_cast<size_t>(exponent), '0');
  if (exponent < 0) {
    const auto scale = static_cast<size_t>(-exponent);
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - scale, ".");
  }
  return (negative ? "-" : "") + digits;
}

Status TooLong() {
  return MakeError(Fault::kBadData, "the exact result needs more than 37 digits");
}

double ToDouble(std::string_view text) {
  return std::strtod(std::string(text).c_str(), nullptr);
}

}  // namespace

int CompareDecimals(std::string_view a_text, std::string_view b_text) {
  const Decimal a = ParseDecimal(a_text);
  const Decimal b = ParseDecimal(b_text);
  if (a.negative != b.negative) return a.negative ? -1 : 1;  // zero is never negative here
  return a.negative ? CompareMagnitude(b, a) : CompareMagnitude(a, b);
}

Result<std::string> ComputeDecimals(DecimalOp op, std::string_view a_text, std::string_view b_text) {
  const Decimal a = ParseDecimal(a_text);
  const Decimal b = ParseDecimal(b_text);
  if (op == DecimalOp::kMultiply) {
    if (a.digits.empty() || b.digits.empty()) return "0";
    const int64_t exponent = a.exponent + b.exponent;
    if (a.digits.size() + b.digits.size() > kComputedDigitsMax || std::abs(exponent) > int64_t{kComputedDigitsMax}) {
      return TooLong();
    }
    return FromInteger(ToInteger(a, a.exponent) * ToInteger(b, b.exponent), exponent);
  }
  const int64_t low = a.digits.empty() ? b.exponent : b.digits.empty() ? a.exponent : std::min(a.exponent, b.exponent);
  for (const Decimal* side : {&a, &b}) {
    if (side->digits.empty()) continue;
    const int64_t width = static_cast<int64_t>(side->digits.size()) + side->exponent - low;
    if (width >= int64_t{kComputedDigitsMax} || std::abs(low) > int64_t{kComputedDigitsMax}) return TooLong();
  }
  const __int128 left = a.digits.empty() ? 0 : ToInteger(a, low);
  const __int128 right = b.digits.empty() ? 0 : ToInteger(b, low);
  return FromInteger(op == DecimalOp::kAdd ? left + right : left - right, low);
}

Result<std::string> DivideNumbers(std::string_view a, std::string_view b) {
  if (CompareDecimals(b, "0") == 0) return MakeError(Fault::kBadData, "division by zero");
  const double quotient = ToDouble(a) / ToDouble(b);
  if (!std::isfinite(quotient)) return MakeError(Fault::kBadData, "the result of a division is not finite");
  std::array<char, 32> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), quotient);
  return std::string(buffer.data(), result.ptr);
}

bool IsJsonNumber(std::string_view text) {
  const auto digits = [&] {
    const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  const bool zero = !text.empty() && text[0] == '0';
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

}  // namespace firn::expression
