// Methods of arrays that take no function. What JavaScript changes in place comes back as a new array.
#include <algorithm>
#include <cmath>

#include "expression/javascript/array_methods.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

Value Count(size_t number) {
  return Value::Number(static_cast<double>(number));
}

Result<Value> At(const Call& call) {
  const List& items = call.self.items();
  ARROW_ASSIGN_OR_RAISE(double index, call.Integer(0));
  if (index < 0) index += static_cast<double>(items.size());
  if (index < 0 || index >= static_cast<double>(items.size())) return Value();
  return items[static_cast<size_t>(index)];
}

Result<Value> Concat(const Call& call) {
  List items = call.self.items();
  for (const Value& argument : call.arguments) {
    if (argument.is_array()) {
      items.insert(items.end(), argument.items().begin(), argument.items().end());
    } else {
      items.push_back(argument);
    }
  }
  return call.Array(std::move(items));
}

Result<Value> Entries(const Call& call) {
  List items;
  for (size_t i = 0; i < call.self.items().size(); ++i) {
    items.push_back(Value::OfArray(List{Count(i), call.self.items()[i]}));
  }
  return call.Array(std::move(items));
}

Result<Value> Fill(const Call& call) {
  List items = call.self.items();
  ARROW_ASSIGN_OR_RAISE(const size_t begin, call.Position(1, items.size(), 0));
  ARROW_ASSIGN_OR_RAISE(const size_t end, call.Position(2, items.size(), items.size()));
  for (size_t i = begin; i < end; ++i) items[i] = call.At(0);
  return call.Array(std::move(items));
}

Status Flatten(const Call& call, const List& from, double depth, List* out) {
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, from.size() * sizeof(Value)));
  for (const Value& item : from) {
    if (item.is_array() && depth >= 1) {
      ARROW_RETURN_NOT_OK(Flatten(call, item.items(), depth - 1, out));
    } else {
      out->push_back(item);
    }
  }
  return Status::OK();
}

Result<Value> Flat(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double depth, call.Integer(0, 1));
  List items;
  ARROW_RETURN_NOT_OK(Flatten(call, call.self.items(), depth, &items));
  return call.Array(std::move(items));
}

Result<Value> Includes(const Call& call) {
  const List& items = call.self.items();
  ARROW_ASSIGN_OR_RAISE(const size_t from, call.Position(1, items.size(), 0));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, items.size()));
  for (size_t i = from; i < items.size(); ++i) {
    if (SameValueZero(items[i], call.At(0))) return Value::Bool(true);
  }
  return Value::Bool(false);
}

Result<Value> IndexOf(const Call& call) {
  const List& items = call.self.items();
  ARROW_ASSIGN_OR_RAISE(const size_t from, call.Position(1, items.size(), 0));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, items.size()));
  for (size_t i = from; i < items.size(); ++i) {
    if (StrictEquals(items[i], call.At(0))) return Count(i);
  }
  return Value::Number(-1);
}

Result<Value> LastIndexOf(const Call& call) {
  const List& items = call.self.items();
  double from = static_cast<double>(items.size()) - 1;
  if (call.count() > 1) {
    ARROW_ASSIGN_OR_RAISE(const double given, call.Integer(1));
    from = given < 0 ? given + static_cast<double>(items.size()) : std::min(from, given);
  }
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, items.size()));
  for (double i = from; i >= 0; --i) {
    if (StrictEquals(items[static_cast<size_t>(i)], call.At(0))) return Value::Number(i);
  }
  return Value::Number(-1);
}

Result<Value> Join(const Call& call) {
  std::u16string separator = u",";
  if (!call.At(0).is_undefined()) {
    ARROW_ASSIGN_OR_RAISE(const Value given, call.Text(0));
    separator = given.as_string();
  }
  std::u16string text;
  bool first = true;
  for (const Value& item : call.self.items()) {
    if (!first) text += separator;
    first = false;
    size_t added = separator.size();
    if (!item.is_nullish()) {
      ARROW_ASSIGN_OR_RAISE(const Value piece, call.run.ToText(item, call.range));
      text += piece.as_string();
      added += piece.as_string().size();
    }
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, added * 2));
  }
  return call.String(std::move(text));
}

Result<Value> Keys(const Call& call) {
  List items;
  for (size_t i = 0; i < call.self.items().size(); ++i) items.push_back(Count(i));
  return call.Array(std::move(items));
}

Result<Value> Reverse(const Call& call) {
  List items = call.self.items();
  std::reverse(items.begin(), items.end());
  return call.Array(std::move(items));
}

Result<Value> Slice(const Call& call) {
  const List& items = call.self.items();
  ARROW_ASSIGN_OR_RAISE(const size_t begin, call.Position(0, items.size(), 0));
  ARROW_ASSIGN_OR_RAISE(const size_t end, call.Position(1, items.size(), items.size()));
  if (begin >= end) return call.Array({});
  return call.Array(
      List(items.begin() + static_cast<std::ptrdiff_t>(begin), items.begin() + static_cast<std::ptrdiff_t>(end)));
}

Result<Value> ToSpliced(const Call& call) {
  const List& items = call.self.items();
  ARROW_ASSIGN_OR_RAISE(const size_t begin, call.Position(0, items.size(), 0));
  ARROW_ASSIGN_OR_RAISE(double count, call.Integer(1));
  const auto rest = static_cast<double>(items.size() - begin);
  count = call.count() == 0 ? 0 : call.count() == 1 ? rest : std::clamp(count, 0.0, rest);
  const auto middle = items.begin() + static_cast<std::ptrdiff_t>(begin);
  List result(items.begin(), middle);
  if (call.count() > 2) result.insert(result.end(), call.arguments.begin() + 2, call.arguments.end());
  result.insert(result.end(), middle + static_cast<std::ptrdiff_t>(count), items.end());
  return call.Array(std::move(result));
}

Result<Value> ToString(const Call& call) {
  return call.run.ToText(call.self, call.range);
}

Result<Value> Values(const Call& call) {
  return call.self;
}

Result<Value> With(const Call& call) {
  List items = call.self.items();
  ARROW_ASSIGN_OR_RAISE(double index, call.Integer(0));
  if (index < 0) index += static_cast<double>(items.size());
  if (index < 0 || index >= static_cast<double>(items.size())) return call.TypeError("the index is out of range");
  items[static_cast<size_t>(index)] = call.At(1);
  return call.Array(std::move(items));
}

constexpr std::string_view kAppend = "it changes the array; write [...array, item]";
constexpr std::string_view kTake = "it changes the array; read array.at(-1) or array[0], and array.slice(…)";

constexpr Builtin kMethods[] = {
    {"at", At},
    {"concat", Concat},
    {"copyWithin", nullptr, "it changes the array"},
    {"entries", Entries},
    {"every", array::Every},
    {"fill", Fill},
    {"filter", array::Filter},
    {"find", array::Find},
    {"findIndex", array::FindIndex},
    {"findLast", array::FindLast},
    {"findLastIndex", array::FindLastIndex},
    {"flat", Flat},
    {"flatMap", array::FlatMap},
    {"forEach", nullptr, "nothing can be changed by it; write map or reduce"},
    {"includes", Includes},
    {"indexOf", IndexOf},
    {"join", Join},
    {"keys", Keys},
    {"lastIndexOf", LastIndexOf},
    {"map", array::Map},
    {"pop", nullptr, kTake},
    {"push", nullptr, kAppend},
    {"reduce", array::Reduce},
    {"reduceRight", array::ReduceRight},
    {"reverse", Reverse},
    {"shift", nullptr, kTake},
    {"slice", Slice},
    {"some", array::Some},
    {"sort", array::Sort},
    {"splice", nullptr, "it changes the array; write toSpliced"},
    {"toReversed", Reverse},
    {"toSorted", array::Sort},
    {"toSpliced", ToSpliced},
    {"toString", ToString},
    {"unshift", nullptr, "it changes the array; write [item, ...array]"},
    {"values", Values},
    {"with", With},
};

Result<Value> From(const Call& call) {
  const Value& source = call.At(0);
  List items;
  const bool iterable = source.is_nullish() || source.is_string() || source.is_array() ||
                        source.kind() == Value::Kind::kMap || source.kind() == Value::Kind::kSet;
  if (!iterable) {  // {length: 3}
    double length = 0;
    if (source.is_object()) {
      ARROW_ASSIGN_OR_RAISE(const Value given, call.run.GetMember(source, u"length", call.range));
      ARROW_ASSIGN_OR_RAISE(const double number, call.run.ToNumber(given, call.range));
      length = std::isnan(number) ? 0 : std::clamp(std::trunc(number), 0.0, kSafeIntegerMax);
    }
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, static_cast<size_t>(length) * sizeof(Value)));
    for (size_t i = 0; i < static_cast<size_t>(length); ++i) {
      ARROW_ASSIGN_OR_RAISE(Value item, call.run.GetIndex(source, Count(i), call.range));
      items.push_back(std::move(item));
    }
  } else {
    ARROW_ASSIGN_OR_RAISE(items, call.run.ToList(source, call.range));
  }
  if (call.At(1).is_undefined()) return call.Array(std::move(items));
  for (size_t i = 0; i < items.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(items[i], call.Apply(1, {items[i], Count(i)}));
  }
  return call.Array(std::move(items));
}

Result<Value> IsArray(const Call& call) {
  return Value::Bool(call.At(0).is_array());
}

Result<Value> Of(const Call& call) {
  return call.Array(List(call.arguments.begin(), call.arguments.end()));
}

constexpr Builtin kFunctions[] = {{"from", From}, {"isArray", IsArray}, {"of", Of}};

}  // namespace

Builtins ArrayMethods() {
  return kMethods;
}
Builtins ArrayFunctions() {
  return kFunctions;
}

}  // namespace firn::expression::javascript
