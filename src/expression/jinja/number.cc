#include "expression/jinja/number.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "expression/jinja/big_integer.h"
#include "expression/jinja/object.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

constexpr size_t kDecimalDigitsMax = 4300;  // Python's own limit
constexpr int kPowerBitsMax = 1 << 17;

Status Wrong(const char* what) {
  return MakeError(Fault::kBadData, what);
}

Result<Value> Checked(double value) {
  return Value::Float(value);
}

double Number(const Value& value) {
  if (value.kind() == Value::Kind::kFloat) return value.as_float();
  if (value.kind() == Value::Kind::kBigInt) return BigInteger::Of(value).ToDouble();
  return static_cast<double>(value.as_int());
}

double FloorModulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) rest += b;
    return rest;
  }
  return std::copysign(0.0, b);
}

double FloorQuotient(double a, double b) {
  const double rest = FloorModulo(a, b);
  const double quotient = (a - rest) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

Result<Value> PowerOfFloats(double a, double b) {
  if (a == 0 && b < 0) return Wrong("0.0 cannot be raised to a negative power");
  if (a < 0 && b != std::trunc(b) && std::isfinite(a)) return Wrong("the power is a complex number");
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) return Wrong("the result is too large");
  return Value::Float(result);
}

Result<Value> ComputeFloats(Arithmetic op, double a, double b) {
  switch (op) {
    case Arithmetic::kAdd:
      return Checked(a + b);
    case Arithmetic::kSubtract:
      return Checked(a - b);
    case Arithmetic::kMultiply:
      return Checked(a * b);
    case Arithmetic::kDivide:
      if (b == 0) return Wrong("division by zero");
      return Checked(a / b);
    case Arithmetic::kFloorDivide:
      if (b == 0) return Wrong("division by zero");
      return Checked(FloorQuotient(a, b));
    case Arithmetic::kModulo:
      if (b == 0) return Wrong("modulo by zero");
      return Checked(FloorModulo(a, b));
    case Arithmetic::kPower:
      return PowerOfFloats(a, b);
  }
  return Wrong("unknown operator");
}

Result<Value> PowerOfIntegers(const Value& a, const Value& b) {
  if (b.kind() == Value::Kind::kBigInt) return Wrong("the power is too large");
  if (b.as_int() < 0) return PowerOfFloats(Number(a), Number(b));
  const BigInteger base = BigInteger::Of(a);
  if (base.num_bits() > 1 && b.as_int() > kPowerBitsMax / base.num_bits()) return Wrong("the power is too large");
  return base.Power(static_cast<uint64_t>(base.num_bits() > 1 ? b.as_int() : b.as_int() % 2 + (b.as_int() > 0 ? 2 : 0)))
      .ToValue();
}

Result<Value> ComputeBig(Arithmetic op, const Value& left, const Value& right) {
  const BigInteger a = BigInteger::Of(left);
  const BigInteger b = BigInteger::Of(right);
  switch (op) {
    case Arithmetic::kAdd:
      return a.Plus(b).ToValue();
    case Arithmetic::kSubtract:
      return a.Minus(b).ToValue();
    case Arithmetic::kMultiply:
      if (a.num_bits() + b.num_bits() > kPowerBitsMax) return Wrong("the product is too large");
      return a.Times(b).ToValue();
    case Arithmetic::kDivide: {
      if (b.is_zero()) return Wrong("division by zero");
      const double quotient = a.ToDouble() / b.ToDouble();
      if (!std::isfinite(quotient)) return Wrong("integer division result too large for a float");
      return Value::Float(quotient);
    }
    case Arithmetic::kFloorDivide:
      if (b.is_zero()) return Wrong("integer division or modulo by zero");
      return a.FloorDivide(b, nullptr).ToValue();
    case Arithmetic::kModulo: {
      if (b.is_zero()) return Wrong("integer division or modulo by zero");
      BigInteger rest = a;
      a.FloorDivide(b, &rest);
      return rest.ToValue();
    }
    case Arithmetic::kPower:
      return PowerOfIntegers(left, right);
  }
  return Wrong("unknown operator");
}

// nullopt: it does not fit, or is nothing for plain integers.
std::optional<int64_t> ComputeSmall(Arithmetic op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Arithmetic::kAdd:
      return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case Arithmetic::kSubtract:
      return __builtin_sub_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case Arithmetic::kMultiply:
      return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case Arithmetic::kFloorDivide:
      if (b == 0 || b == -1) return std::nullopt;
      return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
    case Arithmetic::kModulo:
      if (b == 0 || b == -1) return std::nullopt;
      result = a % b;
      return result != 0 && (result < 0) != (b < 0) ? result + b : result;
    default:
      return std::nullopt;
  }
}

std::string_view StripSpace(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// Python takes the decimal digits and spaces of every script.
std::string PlainDigits(std::string_view text) {
  if (IsAscii(text)) return std::string(StripSpace(text));
  std::string out;
  for (const char32_t code : Decode(text)) {
    if (code >= 0x80 && IsDecimal(code)) {
      out.push_back(static_cast<char>('0' + DecimalValue(code)));
    } else if (code >= 0x80 && IsWhitespace(code)) {
      out.push_back(' ');
    } else {
      AppendCodePoint(code, &out);
    }
  }
  return std::string(StripSpace(out));
}

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

int PrefixBase(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 0;
  switch (text[1] | 0x20) {
    case 'x':
      return 16;
    case 'o':
      return 8;
    case 'b':
      return 2;
    default:
      return 0;
  }
}

Value FromDigits(std::string_view digits, int base, bool negative) {
  if (base == 10) return Value::IntegerText((negative ? "-" : "") + std::string(digits));
  BigInteger number = BigInteger::FromText("0");
  const BigInteger radix = BigInteger::FromText(std::to_string(base));
  for (const char c : digits) {
    number = number.Times(radix).Plus(BigInteger::FromText(std::to_string(DigitValue(c))));
  }
  if (negative) number = BigInteger::FromText("0").Minus(number);
  return number.ToValue();
}

}  // namespace

Result<Value> Compute(Arithmetic op, const Value& a, const Value& b) {
  if (a.kind() == Value::Kind::kFloat || b.kind() == Value::Kind::kFloat) {
    ARROW_ASSIGN_OR_RAISE(const double left, ToDouble(a));
    ARROW_ASSIGN_OR_RAISE(const double right, ToDouble(b));
    return ComputeFloats(op, left, right);
  }
  if (a.kind() == Value::Kind::kBigInt || b.kind() == Value::Kind::kBigInt) return ComputeBig(op, a, b);
  if (op == Arithmetic::kDivide) {
    if (b.as_int() == 0) return Wrong("division by zero");
    return Value::Float(static_cast<double>(static_cast<long double>(a.as_int()) / b.as_int()));
  }
  if (const auto small = ComputeSmall(op, a.as_int(), b.as_int())) return Value::Int(*small);
  return ComputeBig(op, a, b);
}

Value Negate(const Value& number) {
  if (number.kind() == Value::Kind::kFloat) return Value::Float(-number.as_float());
  if (number.kind() == Value::Kind::kBigInt || number.as_int() == INT64_MIN) {
    return BigInteger::FromText("0").Minus(BigInteger::Of(number)).ToValue();
  }
  return Value::Int(-number.as_int());
}

Result<Value> ReadInteger(std::string_view text, int base) {
  const std::string plain = PlainDigits(text);
  std::string_view rest = plain;
  const Status invalid = Wrong("invalid literal for int()");
  if (base != 0 && (base < 2 || base > 36)) return Wrong("int() base must be >= 2 and <= 36, or 0");
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  const int prefix = PrefixBase(rest);
  bool zeros_only = false;
  if (prefix != 0 && (base == 0 || base == prefix)) {
    base = prefix;
    rest.remove_prefix(2);
    if (!rest.empty() && rest[0] == '_') rest.remove_prefix(1);
  } else if (base == 0) {
    base = 10;
    zeros_only = !rest.empty() && rest[0] == '0';
  }
  std::string digits;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '_') {
      if (i == 0 || i + 1 == rest.size() || rest[i - 1] == '_') return invalid;
      continue;
    }
    if (DigitValue(rest[i]) >= base || (zeros_only && rest[i] != '0')) return invalid;
    digits.push_back(rest[i]);
  }
  if (digits.empty()) return invalid;
  if (digits.size() > kDecimalDigitsMax) return Wrong("the integer has more than 4300 digits");
  return FromDigits(digits, base, negative);
}

Result<double> ReadFloat(std::string_view text) {
  const std::string plain = PlainDigits(text);
  const Status invalid = Wrong("could not convert string to float");
  std::string digits;
  for (size_t i = 0; i < plain.size(); ++i) {
    if (plain[i] == '_') {
      const bool between =
          i > 0 && i + 1 < plain.size() && DigitValue(plain[i - 1]) < 10 && DigitValue(plain[i + 1]) < 10;
      if (!between) return invalid;
      continue;
    }
    digits.push_back(plain[i]);
  }
  const size_t sign = !digits.empty() && (digits[0] == '-' || digits[0] == '+') ? 1 : 0;
  std::string word = ToLower(std::string_view(digits).substr(sign));
  const bool named = word == "inf" || word == "infinity" || word == "nan";
  if (!named && (word.empty() || word.find_first_not_of("0123456789.e+-") != std::string::npos || word == "."))
    return invalid;
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end);
  if (end != digits.c_str() + digits.size()) return invalid;
  return value;
}

Result<double> ToDouble(const Value& number) {
  const double value = Number(number);
  if (number.kind() == Value::Kind::kBigInt && std::isinf(value)) return Wrong("int too large to convert to float");
  return value;
}

Result<Value> Truncate(const Value& number) {
  if (number.kind() != Value::Kind::kFloat) {
    return number.kind() == Value::Kind::kBigInt ? number : Value::Int(number.as_int());
  }
  const double value = number.as_float();
  if (!std::isfinite(value)) return Wrong("cannot convert float infinity or NaN to integer");
  if (std::fabs(value) < 9e18) return Value::Int(static_cast<int64_t>(value));
  return BigInteger::OfDouble(std::trunc(value)).ToValue();
}

Result<Value> Round(const Value& number, int64_t digits) {
  if (number.kind() != Value::Kind::kFloat) {
    if (digits >= 0 || number.kind() == Value::Kind::kBigInt || digits < -18) {
      return digits < -18 ? Value::Int(0) : Truncate(number);
    }
    int64_t unit = 1;
    for (int64_t i = digits; i < 0; ++i) unit *= 10;
    const int64_t value = number.as_int();
    const int64_t rest = ((value % unit) + unit) % unit;
    const int64_t down = value - rest;
    const bool up = rest * 2 > unit || (rest * 2 == unit && (down / unit) % 2 != 0);
    return Value::Int(down + (up ? unit : 0));
  }
  const double value = number.as_float();
  if (!std::isfinite(value) || digits > 320) return number;
  if (digits < -308) return Value::Float(std::copysign(0.0, value));
  if (digits < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-digits));
    return Value::Float(std::nearbyint(value / unit) * unit);
  }
  std::array<char, 700> text{};
  std::snprintf(text.data(), text.size(), "%.*f", static_cast<int>(digits), value);
  return Value::Float(std::strtod(text.data(), nullptr));
}

}  // namespace firn::expression::jinja
