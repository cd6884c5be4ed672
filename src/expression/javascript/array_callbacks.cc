#include <algorithm>
#include <cmath>

#include "expression/javascript/array_methods.h"

namespace firn::expression::javascript::array {
namespace {

Value Count(size_t number) {
  return Value::Number(static_cast<double>(number));
}

Status NeedFunction(const Call& call) {
  if (call.At(0).is_function()) return Status::OK();
  return call.TypeError("a function is wanted as the first argument, not " + std::string(KindName(call.At(0))));
}

Result<Value> ApplyTo(const Call& call, size_t i) {
  return call.Apply(0, {call.self.items()[i], Count(i), call.self});
}

// The index of the first (or last) item that the function accepts; the number of items when there is none.
Result<size_t> Search(const Call& call, bool accepts, bool backwards) {
  ARROW_RETURN_NOT_OK(NeedFunction(call));
  const size_t size = call.self.items().size();
  for (size_t step = 0; step < size; ++step) {
    const size_t i = backwards ? size - 1 - step : step;
    ARROW_ASSIGN_OR_RAISE(const Value answer, ApplyTo(call, i));
    if (Truthy(answer) == accepts) return i;
  }
  return size;
}

Result<Value> ItemAt(const Call& call, bool backwards) {
  ARROW_ASSIGN_OR_RAISE(const size_t index, Search(call, true, backwards));
  return index < call.self.items().size() ? call.self.items()[index] : Value();
}

Result<Value> IndexAt(const Call& call, bool backwards) {
  ARROW_ASSIGN_OR_RAISE(const size_t index, Search(call, true, backwards));
  return index < call.self.items().size() ? Count(index) : Value::Number(-1);
}

Result<Value> Fold(const Call& call, bool backwards) {
  ARROW_RETURN_NOT_OK(NeedFunction(call));
  const List& items = call.self.items();
  size_t step = 0;
  Value value = call.At(1);
  if (call.count() < 2) {
    if (items.empty()) return call.TypeError("an empty array cannot be reduced without an initial value");
    value = backwards ? items.back() : items.front();
    step = 1;
  }
  for (; step < items.size(); ++step) {
    const size_t i = backwards ? items.size() - 1 - step : step;
    ARROW_ASSIGN_OR_RAISE(value, call.Apply(0, {value, items[i], Count(i), call.self}));
  }
  return value;
}

// Merges sorted halves; comparisons may fail, and may contradict each other.
template <typename Item, typename Before>
Status MergeSort(std::vector<Item>* items, const Before& before) {
  std::vector<Item> other(items->size());
  for (size_t width = 1; width < items->size(); width *= 2) {
    for (size_t begin = 0; begin < items->size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, items->size());
      const size_t end = std::min(begin + 2 * width, items->size());
      size_t left = begin;
      size_t right = middle;
      for (size_t out = begin; out < end; ++out) {
        bool take_right = left >= middle;
        if (!take_right && right < end) {
          ARROW_ASSIGN_OR_RAISE(take_right, before((*items)[right], (*items)[left]));
        }
        other[out] = std::move((*items)[take_right ? right++ : left++]);
      }
    }
    items->swap(other);
  }
  return Status::OK();
}

Status SortByText(const Call& call, List* items) {
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : *items) {
    ARROW_ASSIGN_OR_RAISE(Value text, call.run.ToText(item, call.range));
    keyed.emplace_back(std::move(text), std::move(item));
  }
  const auto before = [](const auto& a, const auto& b) -> Result<bool> {
    return a.first.as_string() < b.first.as_string();
  };
  ARROW_RETURN_NOT_OK(MergeSort(&keyed, before));
  for (size_t i = 0; i < keyed.size(); ++i) (*items)[i] = std::move(keyed[i].second);
  return Status::OK();
}

}  // namespace

Result<Value> Every(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const size_t index, Search(call, false, false));
  return Value::Bool(index == call.self.items().size());
}

Result<Value> Some(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const size_t index, Search(call, true, false));
  return Value::Bool(index < call.self.items().size());
}

Result<Value> Filter(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedFunction(call));
  List items;
  for (size_t i = 0; i < call.self.items().size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const Value answer, ApplyTo(call, i));
    if (Truthy(answer)) items.push_back(call.self.items()[i]);
  }
  return call.Array(std::move(items));
}

Result<Value> Find(const Call& call) {
  return ItemAt(call, false);
}
Result<Value> FindLast(const Call& call) {
  return ItemAt(call, true);
}
Result<Value> FindIndex(const Call& call) {
  return IndexAt(call, false);
}
Result<Value> FindLastIndex(const Call& call) {
  return IndexAt(call, true);
}

Result<Value> FlatMap(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedFunction(call));
  List items;
  for (size_t i = 0; i < call.self.items().size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const Value answer, ApplyTo(call, i));
    if (!answer.is_array()) {
      items.push_back(answer);
      continue;
    }
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, answer.items().size() * sizeof(Value)));
    items.insert(items.end(), answer.items().begin(), answer.items().end());
  }
  return call.Array(std::move(items));
}

Result<Value> Map(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedFunction(call));
  List items;
  items.reserve(call.self.items().size());
  for (size_t i = 0; i < call.self.items().size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(Value item, ApplyTo(call, i));
    items.push_back(std::move(item));
  }
  return call.Array(std::move(items));
}

Result<Value> Reduce(const Call& call) {
  return Fold(call, false);
}
Result<Value> ReduceRight(const Call& call) {
  return Fold(call, true);
}

Result<Value> Sort(const Call& call) {
  if (!call.At(0).is_undefined()) ARROW_RETURN_NOT_OK(NeedFunction(call));
  List items = call.self.items();
  const auto absent =
      std::stable_partition(items.begin(), items.end(), [](const Value& item) { return !item.is_undefined(); });
  const auto num_absent = static_cast<size_t>(items.end() - absent);
  items.erase(absent, items.end());
  if (call.At(0).is_undefined()) {
    ARROW_RETURN_NOT_OK(SortByText(call, &items));
  } else {
    const auto before = [&](const Value& a, const Value& b) -> Result<bool> {
      ARROW_ASSIGN_OR_RAISE(const Value order, call.Apply(0, {a, b}));
      ARROW_ASSIGN_OR_RAISE(const double number, call.run.ToNumber(order, call.range));
      return number < 0;
    };
    ARROW_RETURN_NOT_OK(MergeSort(&items, before));
  }
  items.resize(items.size() + num_absent);
  return call.Array(std::move(items));
}

}  // namespace firn::expression::javascript::array
