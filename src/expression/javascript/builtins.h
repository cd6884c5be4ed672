#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/javascript/evaluator.h"

/// Functions and methods by name. Private to this folder.
namespace firn::expression::javascript {

/// One call of a function or method.
struct Call {
  Evaluator& run;
  Range range;
  const Value& self;
  std::span<const Value> arguments;

  size_t count() const { return arguments.size(); }
  const Value& At(size_t i) const;  // undefined when it was not given
  Status TypeError(std::string message) const { return Thrown(range, std::move(message)); }
  Result<double> Number(size_t i) const { return run.ToNumber(At(i), range); }
  /// ToIntegerOrInfinity; `otherwise` for undefined.
  Result<double> Integer(size_t i, double otherwise = 0) const;
  /// A position as slice() takes it: negative ones count from the end; within 0 and `length`.
  Result<size_t> Position(size_t i, size_t length, size_t otherwise) const;
  Result<Value> Text(size_t i) const { return run.ToText(At(i), range); }
  Result<Value> String(std::u16string text) const { return run.NewString(std::move(text), range); }
  Result<Value> Array(List items) const { return run.NewArray(std::move(items), range); }
  Result<Value> Object(javascript::Object object) const { return run.NewObject(std::move(object), range); }
  /// Calls the function given as argument `i`.
  Result<Value> Apply(size_t i, std::initializer_list<Value> values) const {
    return run.CallFunction(At(i), std::span(values.begin(), values.size()), range);
  }
};

struct Constant {
  std::string_view name;
  double value;
};

/// A function. Without `run`: not supported (`advice` says what to write), or an object that only has members (Math).
struct Builtin {
  std::string_view name;
  Result<Value> (*run)(const Call& call) = nullptr;
  std::string_view advice{};
  std::span<const Builtin> members{};
  std::span<const Constant> constants{};
};

/// Sorted by name.
using Builtins = std::span<const Builtin>;
const Builtin* FindBuiltin(Builtins table, std::string_view name);

Builtins ArrayMethods();
Builtins StringMethods();
Builtins ObjectMethods();
Builtins NumberMethods();
Builtins DateMethods();
Builtins RegexMethods();
Builtins MapMethods();
Builtins SetMethods();

Builtins ArrayFunctions();
Builtins ObjectFunctions();
Builtins MathFunctions();
Builtins DateFunctions();
Builtins JsonFunctions();
Builtins TextFunctions();  // global: encodeURIComponent, btoa…

/// The value of a global name (Math, JSON, parseInt, NaN…), or nullopt.
std::optional<Value> GlobalValue(std::string_view name);
std::vector<std::string> GlobalNames();
std::vector<std::string> MethodNames(const Value& value);
/// As messages name it: "string", "array", "null"…
std::string_view KindName(const Value& value);

/// `new name(…)`.
Result<Value> Construct(const Call& call, std::string_view name);
Result<Value> ConstructDate(const Call& call);
Result<Value> ConstructRegex(const Call& call);
Result<Value> CallDate(const Call& call);

/// The own properties that Object.entries and spreading see.
std::vector<Object::Entry> OwnEntries(const Value& value);

/// String(date) and date.toISOString() of a valid date.
Result<std::u16string> DateText(double ms, std::string_view zone);
std::u16string DateIso(double ms);

/// Searches with the steps that the evaluation has left. Errors: E0624.
Result<std::optional<Regex::Groups>> SearchRegex(const Call& call, const RegexObject& regex, const Value& text,
                                                 size_t from);

}  // namespace firn::expression::javascript
