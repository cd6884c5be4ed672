#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/jinja/evaluator.h"
#include "expression/jinja/value.h"

/// Filters, tests, global functions and methods by name. Private to this folder.
namespace firn::expression::jinja {

/// Which arguments a function takes. `parameters` after the value itself; those from `required` on may be left out.
struct Signature {
  std::array<std::string_view, 5> parameters{};
  uint8_t required = 0;
  uint8_t count = 0;
  bool positional_only = false;  // as of built-in methods
  bool variadic = false;         // any arguments, in Call::arguments
};

/// `names`: of the parameters, space-separated; the first `required` must be given.
constexpr Signature Takes(std::string_view names = "", int required = 0) {
  Signature signature;
  signature.required = static_cast<uint8_t>(required);
  while (!names.empty()) {
    const size_t space = names.find(' ');
    signature.parameters[signature.count++] = names.substr(0, space);
    names = space == std::string_view::npos ? std::string_view() : names.substr(space + 1);
  }
  return signature;
}
/// Without names: `most` positional arguments of which `required` must be given.
constexpr Signature TakesPositional(int required, int most) {
  Signature signature;
  signature.required = static_cast<uint8_t>(required);
  signature.count = static_cast<uint8_t>(most);
  signature.positional_only = true;
  return signature;
}
constexpr Signature TakesAny() {
  Signature signature;
  signature.variadic = true;
  return signature;
}

struct Filter {
  std::string_view name;
  Signature signature;
  Result<Value> (*run)(const Call& call);
};

struct Test {
  std::string_view name;
  Signature signature;
  Result<bool> (*run)(const Call& call);
};

const Filter* FindFilter(std::string_view name);
const Test* FindTest(std::string_view name);

struct Method {
  std::string_view name;
  Signature signature;
  Result<Value> (*run)(const Call& call);  // null: exists in Python, not supported here
};
const Method* FindStringMethod(std::string_view name);
const Method* FindListMethod(std::string_view name);
const Method* FindTupleMethod(std::string_view name);
const Method* FindMapMethod(std::string_view name);
const Method* FindTimeMethod(const Value& receiver, std::string_view name);
const Method* FindNumberMethod(const Value& receiver, std::string_view name);
const Method* FindInternalMethod(const Value& receiver, std::string_view name);

/// now_utc, max, format_datetime, namespace…
const Method* FindGlobal(std::string_view name);

/// Finds a name in a table sorted by name.
template <typename Table>
auto FindSorted(const Table& table, std::string_view name) -> decltype(&table[0]) {
  size_t low = 0;
  size_t high = std::size(table);
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (table[middle].name < name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < std::size(table) && table[low].name == name ? &table[low] : nullptr;
}

/// Sorts `items` by `keys` as Python's sorted() does. Errors: TypeError for keys that cannot be ordered.
Result<List> SortValues(const Call& call, List items, const List& keys, bool reverse);

/// `text % arguments` and `text.format(…)`.
Result<Value> FormatPercent(Evaluator& run, const Node& node, const Value& text, const Value& arguments);
Result<Value> FormatBraces(const Call& call);

/// Runs a filter or test by name, as map() and select() do.
Result<Value> CallFilter(const Call& from, std::string_view name, const Value& value, Arguments arguments);
Result<bool> CallTest(const Call& from, std::string_view name, const Value& value, Arguments arguments);

}  // namespace firn::expression::jinja
