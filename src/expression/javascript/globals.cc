// Global names, and the calls' own conversions.
#include <algorithm>
#include <cmath>
#include <limits>

#include "expression/javascript/builtins.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Value::Kind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Result<Value> CallArray(const Call& call) {
  return Construct(call, "Array");
}
Result<Value> CallObject(const Call& call) {
  return Construct(call, "Object");
}
Result<Value> CallRegex(const Call& call) {
  return Construct(call, "RegExp");
}
Result<Value> CallBoolean(const Call& call) {
  return Value::Bool(Truthy(call.At(0)));
}
Result<Value> CallString(const Call& call) {
  return call.count() == 0 ? Value::String(u"") : call.Text(0);
}

// The one place where a number of the data is rounded: it is asked for.
Result<Value> CallNumber(const Call& call) {
  if (call.count() == 0) return Value::Number(0);
  if (call.At(0).kind() == Kind::kExact) return Value::Number(JsonNumber(call.At(0).as_exact()));
  ARROW_ASSIGN_OR_RAISE(const double number, call.Number(0));
  return Value::Number(number);
}

Result<Value> IsFinite(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double number, call.Number(0));
  return Value::Bool(std::isfinite(number));
}
Result<Value> IsNan(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double number, call.Number(0));
  return Value::Bool(std::isnan(number));
}
Result<Value> ParseFloatText(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(0));
  return Value::Number(ParseFloat(text.as_string()));
}
Result<Value> ParseIntText(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(0));
  ARROW_ASSIGN_OR_RAISE(const double radix, call.Number(1));
  return Value::Number(ParseInt(text.as_string(), ToInt32(radix)));
}

Result<Value> NumberIsFinite(const Call& call) {
  return Value::Bool(call.At(0).is_number() && std::isfinite(call.At(0).as_number()));
}
Result<Value> NumberIsNan(const Call& call) {
  return Value::Bool(call.At(0).is_number() && std::isnan(call.At(0).as_number()));
}
bool IsWhole(const Value& value) {
  return value.is_number() && std::isfinite(value.as_number()) && std::trunc(value.as_number()) == value.as_number();
}
Result<Value> NumberIsInteger(const Call& call) {
  return Value::Bool(IsWhole(call.At(0)));
}
Result<Value> NumberIsSafeInteger(const Call& call) {
  return Value::Bool(IsWhole(call.At(0)) && std::abs(call.At(0).as_number()) <= kSafeIntegerMax);
}

Result<Value> FromCharCode(const Call& call) {
  std::u16string text;
  for (size_t i = 0; i < call.count(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const double code, call.Number(i));
    text += static_cast<char16_t>(ToUint32(code));
  }
  return call.String(std::move(text));
}
Result<Value> FromCodePoint(const Call& call) {
  std::u16string text;
  for (size_t i = 0; i < call.count(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const double code, call.Number(i));
    if (!(code >= 0 && code <= 0x10FFFF) || code != std::trunc(code)) return call.TypeError("not a code point");
    AppendCodePoint(static_cast<char32_t>(code), &text);
  }
  return call.String(std::move(text));
}

constexpr Builtin kNumberFunctions[] = {
    {"isFinite", NumberIsFinite},           {"isInteger", NumberIsInteger}, {"isNaN", NumberIsNan},
    {"isSafeInteger", NumberIsSafeInteger}, {"parseFloat", ParseFloatText}, {"parseInt", ParseIntText},
};
constexpr Constant kNumberConstants[] = {
    {"EPSILON", 2.220446049250313e-16},
    {"MAX_SAFE_INTEGER", kSafeIntegerMax},
    {"MAX_VALUE", std::numeric_limits<double>::max()},
    {"MIN_SAFE_INTEGER", -kSafeIntegerMax},
    {"MIN_VALUE", std::numeric_limits<double>::denorm_min()},
    {"NEGATIVE_INFINITY", -kInfinity},
    {"NaN", kNan},
    {"POSITIVE_INFINITY", kInfinity},
};
constexpr Constant kMathConstants[] = {
    {"E", 2.718281828459045},        {"LN10", 2.302585092994046},   {"LN2", 0.6931471805599453},
    {"LOG10E", 0.4342944819032518},  {"LOG2E", 1.4426950408889634}, {"PI", 3.141592653589793},
    {"SQRT1_2", 0.7071067811865476}, {"SQRT2", 1.4142135623730951},
};
constexpr Builtin kStringFunctions[] = {{"fromCharCode", FromCharCode}, {"fromCodePoint", FromCodePoint}};

constexpr std::string_view kNoHost = "expressions have no host; see docs/reference/javascript.md";

const std::vector<Builtin>& Globals() {
  static const std::vector<Builtin> globals = [] {
    std::vector<Builtin> table = {
        {"Array", CallArray, "", ArrayFunctions()},
        {"Boolean", CallBoolean},
        {"Date", CallDate, "", DateFunctions()},
        {"JSON", nullptr, "", JsonFunctions()},
        {"Map", nullptr, "write new Map(…)"},
        {"Math", nullptr, "", MathFunctions(), kMathConstants},
        {"Number", CallNumber, "", kNumberFunctions, kNumberConstants},
        {"Object", CallObject, "", ObjectFunctions()},
        {"RegExp", CallRegex},
        {"Set", nullptr, "write new Set(…)"},
        {"String", CallString, "", kStringFunctions},
        {"eval", nullptr, kNoHost},
        {"fetch", nullptr, kNoHost},
        {"isFinite", IsFinite},
        {"isNaN", IsNan},
        {"parseFloat", ParseFloatText},
        {"parseInt", ParseIntText},
        {"require", nullptr, kNoHost},
    };
    table.insert(table.end(), TextFunctions().begin(), TextFunctions().end());
    std::sort(table.begin(), table.end(), [](const Builtin& a, const Builtin& b) { return a.name < b.name; });
    return table;
  }();
  return globals;
}

}  // namespace

std::optional<Value> GlobalValue(std::string_view name) {
  if (name == "NaN") return Value::Number(kNan);
  if (name == "Infinity") return Value::Number(kInfinity);
  const Builtin* builtin = FindBuiltin(Globals(), name);
  if (builtin == nullptr) return std::nullopt;
  Function function;
  function.builtin = builtin;
  return Value::OfFunction(std::move(function));
}

std::vector<std::string> GlobalNames() {
  std::vector<std::string> names = {"NaN", "Infinity", "undefined"};
  for (const Builtin& global : Globals()) names.emplace_back(global.name);
  return names;
}

const Value& Call::At(size_t i) const {
  static const Value kUndefined;
  return i < arguments.size() ? arguments[i] : kUndefined;
}

Result<double> Call::Integer(size_t i, double otherwise) const {
  if (At(i).is_undefined()) return otherwise;
  ARROW_ASSIGN_OR_RAISE(const double number, Number(i));
  return std::isnan(number) ? 0 : std::trunc(number) + 0.0;
}

Result<size_t> Call::Position(size_t i, size_t length, size_t otherwise) const {
  ARROW_ASSIGN_OR_RAISE(double position, Integer(i, static_cast<double>(otherwise)));
  const auto most = static_cast<double>(length);
  if (position < 0) position += most;
  return static_cast<size_t>(std::clamp(position, 0.0, most));
}

}  // namespace firn::expression::javascript
