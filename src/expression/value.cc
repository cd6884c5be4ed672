#include "expression/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "expression/decimal.h"

namespace firn::expression {

Value Value::NumberText(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // "-0" keeps its text: as an integer it would lose its sign.
  if (error == std::errc() && end == text.data() + text.size() && text != "-0") return Int(number);
  return Value(Data(Number{.text = std::string(text)}));
}

Value Value::OfMap(Map entries) {
  std::vector<size_t> order(entries.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const int keys = entries[a].first.compare(entries[b].first);
    return keys != 0 ? keys < 0 : a < b;
  });
  std::vector<bool> keep(entries.size(), true);
  bool duplicates = false;
  for (size_t i = 1; i < order.size(); ++i) {
    if (entries[order[i - 1]].first != entries[order[i]].first) continue;
    keep[order[i - 1]] = false;
    duplicates = true;
  }
  if (duplicates) {
    Map unique;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (keep[i]) unique.push_back(std::move(entries[i]));
    }
    entries = std::move(unique);
  }
  return Value(Data(std::make_shared<const Map>(std::move(entries))));
}

const Value* Value::Find(std::string_view key) const {
  if (kind() != Kind::kMap) return nullptr;
  const Map& map = as_map();
  const auto found = std::find_if(map.begin(), map.end(), [&](const auto& entry) { return entry.first == key; });
  return found == map.end() ? nullptr : &found->second;
}

Value AtPath(const Value& map, std::string_view path) {
  if (const Value* direct = map.Find(path)) return *direct;
  Value at = map;
  while (!path.empty()) {
    const size_t dot = path.find('.');
    const Value* next = at.Find(path.substr(0, dot));
    if (next == nullptr) return Value::Null();
    at = Value(*next);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return at;
}

std::string_view KindName(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kBool:
      return "boolean";
    case Value::Kind::kInt:
      return "integer";
    case Value::Kind::kNumber:
      return "number";
    case Value::Kind::kString:
      return "string";
    case Value::Kind::kDatetime:
      return "datetime";
    case Value::Kind::kDuration:
      return "duration";
    case Value::Kind::kList:
      return "list";
    case Value::Kind::kMap:
      return "map";
  }
  return "value";
}

bool Truthy(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return false;
    case Value::Kind::kBool:
      return value.as_bool();
    case Value::Kind::kInt:
      return value.as_int() != 0;
    case Value::Kind::kNumber:
      return CompareNumberText(value.as_number(), "0") != 0;
    case Value::Kind::kString:
      return !value.as_string().empty();
    case Value::Kind::kDatetime:
      return true;
    case Value::Kind::kDuration:
      return value.as_duration().micros != 0;
    case Value::Kind::kList:
      return !value.as_list().empty();
    case Value::Kind::kMap:
      return !value.as_map().empty();
  }
  return false;
}

namespace {

std::string NumberTextOf(const Value& value) {
  return value.kind() == Value::Kind::kInt ? std::to_string(value.as_int()) : value.as_number();
}

template <typename T>
int Order(const T& a, const T& b) {
  if (a < b) return -1;
  return b < a ? 1 : 0;
}

bool MapsEqual(const Value& a, const Value& b) {
  if (a.as_map().size() != b.as_map().size()) return false;
  return std::all_of(a.as_map().begin(), a.as_map().end(), [&](const auto& entry) {
    const Value* other = b.Find(entry.first);
    return other != nullptr && Equals(entry.second, *other);
  });
}

}  // namespace

int CompareNumberText(std::string_view a, std::string_view b) {
  return CompareDecimals(a, b);
}

bool Equals(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return CompareNumberText(NumberTextOf(a), NumberTextOf(b)) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
      return a.as_bool() == b.as_bool();
    case Value::Kind::kString:
      return a.as_string() == b.as_string();
    case Value::Kind::kDatetime:
      return a.as_datetime() == b.as_datetime();
    case Value::Kind::kDuration:
      return a.as_duration().micros == b.as_duration().micros;
    case Value::Kind::kList:
      return std::equal(a.as_list().begin(), a.as_list().end(), b.as_list().begin(), b.as_list().end(), Equals);
    case Value::Kind::kMap:
      return MapsEqual(a, b);
    case Value::Kind::kInt:
    case Value::Kind::kNumber:
      break;
  }
  return false;
}

Result<int> Compare(const Value& a, const Value& b) {
  if (a.kind() == Value::Kind::kInt && b.kind() == Value::Kind::kInt) return Order(a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return CompareNumberText(NumberTextOf(a), NumberTextOf(b));
  if (a.kind() == b.kind()) {
    switch (a.kind()) {
      case Value::Kind::kString:
        return Order(a.as_string(), b.as_string());
      case Value::Kind::kDatetime:
        return Order(a.as_datetime(), b.as_datetime());
      case Value::Kind::kDuration:
        return Order(a.as_duration().micros, b.as_duration().micros);
      case Value::Kind::kBool:
        return Order(a.as_bool(), b.as_bool());
      default:
        break;
    }
  }
  return MakeError(Fault::kBadData,
                   "cannot order " + std::string(KindName(a.kind())) + " and " + std::string(KindName(b.kind())));
}

std::string ToText(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return "";
    case Value::Kind::kBool:
      return value.as_bool() ? "true" : "false";
    case Value::Kind::kInt:
    case Value::Kind::kNumber:
      return NumberTextOf(value);
    case Value::Kind::kString:
      return value.as_string();
    case Value::Kind::kDatetime:
      return FormatTimestamp(value.as_datetime());
    default:
      return ToJson(value);
  }
}

}  // namespace firn::expression
