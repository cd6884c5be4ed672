#include <algorithm>
#include <cmath>

#include "expression/javascript/builtins.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Value::Kind;

// The number a method was called on. Errors: E0625 for an exact one.
Result<double> Self(const Call& call) {
  return call.run.ToNumber(call.self, call.range);
}

Result<int> Digits(const Call& call, int low, int high) {
  ARROW_ASSIGN_OR_RAISE(const double digits, call.Integer(0));
  if (digits < low || digits > high) {
    return call.TypeError("a number from " + std::to_string(low) + " to " + std::to_string(high) + " is wanted");
  }
  return static_cast<int>(digits);
}

Result<Value> ToExponential(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double number, Self(call));
  if (!std::isfinite(number)) return call.String(NumberToText(number));
  ARROW_ASSIGN_OR_RAISE(const int digits, Digits(call, 0, 100));
  return call.String(NumberToExponential(number, call.At(0).is_undefined() ? -1 : digits));
}

Result<Value> ToFixed(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double number, Self(call));
  ARROW_ASSIGN_OR_RAISE(const int digits, Digits(call, 0, 100));
  return call.String(NumberToFixed(number, digits));
}

Result<Value> ToPrecision(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double number, Self(call));
  if (call.At(0).is_undefined() || !std::isfinite(number)) return call.String(NumberToText(number));
  ARROW_ASSIGN_OR_RAISE(const int precision, Digits(call, 1, 100));
  return call.String(NumberToPrecision(number, precision));
}

Result<Value> ToString(const Call& call) {
  if (call.At(0).is_undefined()) return call.run.ToText(call.self, call.range);
  ARROW_ASSIGN_OR_RAISE(const int radix, Digits(call, 2, 36));
  if (radix == 10) return call.run.ToText(call.self, call.range);
  ARROW_ASSIGN_OR_RAISE(const double number, Self(call));
  return call.String(NumberToRadix(number, radix));
}

Result<Value> ValueOf(const Call& call) {
  return call.self;
}

constexpr Builtin kMethods[] = {
    {"toExponential", ToExponential},
    {"toFixed", ToFixed},
    {"toLocaleString", nullptr, "it depends on the machine; write toFixed"},
    {"toPrecision", ToPrecision},
    {"toString", ToString},
    {"valueOf", ValueOf},
};

// Math.

template <double (*function)(double)>
Result<Value> OfOne(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double number, call.Number(0));
  return Value::Number(function(number));
}

// Halves go up, also below zero; no 0.49999999999999994 + 0.5.
double Round(double x) {
  const double floor = std::floor(x);
  const double rounded = x - floor >= 0.5 ? floor + 1 : floor;
  return std::copysign(rounded, x);
}
double Sign(double x) {
  return std::isnan(x) || x == 0 ? x : x > 0 ? 1 : -1;
}
double SingleRound(double x) {
  return static_cast<double>(static_cast<float>(x));
}
double LeadingZeros(double x) {
  const uint32_t bits = ToUint32(x);
  return bits == 0 ? 32 : __builtin_clz(bits);
}
// The C library may miss the exact root of a cube.
double CubeRoot(double x) {
  const double root = std::cbrt(x);
  const double whole = std::round(root);
  return whole * whole * whole == x ? whole : root;
}
double Magnitude(double x) {
  return std::fabs(x);
}

Result<Value> Atan2(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double y, call.Number(0));
  ARROW_ASSIGN_OR_RAISE(const double x, call.Number(1));
  return Value::Number(std::atan2(y, x));
}
Result<Value> Imul(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double a, call.Number(0));
  ARROW_ASSIGN_OR_RAISE(const double b, call.Number(1));
  return Value::Number(static_cast<int32_t>(ToUint32(a) * ToUint32(b)));
}
Result<Value> Pow(const Call& call) {
  return call.run.Binary(Operator::kPower, call.At(0), call.At(1), call.range);
}

Result<Value> Hypot(const Call& call) {
  double most = 0;
  bool nan = false;
  std::vector<double> numbers;
  for (size_t i = 0; i < call.count(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const double number, call.Number(i));
    if (std::isnan(number)) nan = true;
    most = std::isnan(number) ? most : std::max(most, std::abs(number));
    numbers.push_back(number);
  }
  if (std::isinf(most)) return Value::Number(most);
  if (nan) return Value::Number(std::nan(""));
  if (most == 0) return Value::Number(0);
  double sum = 0;
  double compensation = 0;  // Kahan's, as V8 has it
  for (const double number : numbers) {
    const double scaled = number / most;
    const double summand = scaled * scaled - compensation;
    const double preliminary = sum + summand;
    compensation = (preliminary - sum) - summand;
    sum = preliminary;
  }
  return Value::Number(std::sqrt(sum) * most);
}

Result<Value> Extreme(const Call& call, bool most) {
  double result = most ? -HUGE_VAL : HUGE_VAL;
  for (size_t i = 0; i < call.count(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const double number, call.Number(i));
    if (std::isnan(result)) continue;
    const bool zero = number == 0 && result == 0;  // -0 is less than 0
    const bool better = zero ? std::signbit(number) != most : most ? number > result : number < result;
    if (std::isnan(number) || better) result = number;
  }
  return Value::Number(result);
}
Result<Value> Max(const Call& call) {
  return Extreme(call, true);
}
Result<Value> Min(const Call& call) {
  return Extreme(call, false);
}

constexpr Builtin kMath[] = {
    {"abs", OfOne<Magnitude>},
    {"acos", OfOne<std::acos>},
    {"acosh", OfOne<std::acosh>},
    {"asin", OfOne<std::asin>},
    {"asinh", OfOne<std::asinh>},
    {"atan", OfOne<std::atan>},
    {"atan2", Atan2},
    {"atanh", OfOne<std::atanh>},
    {"cbrt", OfOne<CubeRoot>},
    {"ceil", OfOne<std::ceil>},
    {"clz32", OfOne<LeadingZeros>},
    {"cos", OfOne<std::cos>},
    {"cosh", OfOne<std::cosh>},
    {"exp", OfOne<std::exp>},
    {"expm1", OfOne<std::expm1>},
    {"floor", OfOne<std::floor>},
    {"fround", OfOne<SingleRound>},
    {"hypot", Hypot},
    {"imul", Imul},
    {"log", OfOne<std::log>},
    {"log10", OfOne<std::log10>},
    {"log1p", OfOne<std::log1p>},
    {"log2", OfOne<std::log2>},
    {"max", Max},
    {"min", Min},
    {"pow", Pow},
    {"random", nullptr, "an expression gives the same result each time"},
    {"round", OfOne<Round>},
    {"sign", OfOne<Sign>},
    {"sin", OfOne<std::sin>},
    {"sinh", OfOne<std::sinh>},
    {"sqrt", OfOne<std::sqrt>},
    {"tan", OfOne<std::tan>},
    {"tanh", OfOne<std::tanh>},
    {"trunc", OfOne<std::trunc>},
};

}  // namespace

Builtins NumberMethods() {
  return kMethods;
}
Builtins MathFunctions() {
  return kMath;
}

}  // namespace firn::expression::javascript
