#include "expression/javascript/value.h"

#include <algorithm>
#include <cmath>

#include "expression/decimal.h"
#include "expression/javascript/function.h"
#include "expression/javascript/json.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Value::Kind;

constexpr size_t kLinearEntriesMax = 8;  // above that a hash finds keys

}  // namespace

Value Value::Int(int64_t value) {
  if (std::abs(static_cast<double>(value)) <= kSafeIntegerMax) return Number(static_cast<double>(value));
  return NumberText(std::to_string(value));
}

Value Value::NumberText(std::string_view json) {
  const double number = JsonNumber(json);
  const bool whole = json.find_first_of(".eE") == std::string_view::npos;
  if (std::isfinite(number) && (!whole || std::abs(number) <= kSafeIntegerMax)) return Number(number);
  return Value(Kind::kExact, std::make_shared<const std::string>(json));
}

Value Value::String(std::u16string text) {
  return Value(Kind::kString, std::make_shared<const std::u16string>(std::move(text)));
}
Value Value::Utf8(std::string_view text) {
  return String(ToUtf16(text));
}

Value Value::Date(double ms) {
  Value value(Kind::kDate, std::make_shared<const double>(ms));  // its own object: dates are not equal by content
  value.number_ = ms;
  return value;
}

Value Value::OfArray(List items) {
  Array array;
  array.items = std::move(items);
  return OfArray(std::move(array));
}
Value Value::OfArray(Array array) {
  for (const Value& item : array.items) array.Embed(item);
  array.Embed(array.extra);
  return Value(Kind::kArray, std::make_shared<const Array>(std::move(array)));
}
Value Value::OfObject(Object object) {
  for (const auto& [key, value] : object.entries()) object.Embed(value);
  object.Order();
  return Value(Kind::kObject, std::make_shared<const Object>(std::move(object)));
}
Value Value::OfFunction(Function function) {
  function.Embed(function.receiver);
  return Value(Kind::kFunction, std::make_shared<const Function>(std::move(function)));
}
Value Value::OfRegex(RegexObject regex) {
  return Value(Kind::kRegex, std::make_shared<const RegexObject>(std::move(regex)));
}
Value Value::OfCollection(Kind kind, Collection collection) {
  for (const auto& [key, value] : collection.entries) {
    collection.Embed(key);
    collection.Embed(value);
  }
  return Value(kind, std::make_shared<const Collection>(std::move(collection)));
}

const List& Value::items() const {
  return as_array().items;
}

static const Container* ContainerOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kArray:
      return &value.as_array();
    case Kind::kObject:
      return &value.as_object();
    case Kind::kFunction:
      return &value.as_function();
    case Kind::kMap:
    case Kind::kSet:
      return &value.as_collection();
    default:
      return nullptr;
  }
}

uint32_t Value::depth() const {
  const Container* container = ContainerOf(*this);
  return container == nullptr ? 0 : container->depth;
}
uint32_t Value::weight() const {
  const Container* container = ContainerOf(*this);
  return container == nullptr ? 1 : container->weight;
}

void Container::Embed(const Value& child) {
  depth = std::max(depth, child.depth() + 1);
  weight = std::min(weight + child.weight(), kWeightMax);
}

int64_t ArrayIndex(std::u16string_view key) {
  if (key.empty() || key.size() > 10 || (key[0] == '0' && key.size() > 1)) return -1;
  int64_t index = 0;
  for (const char16_t unit : key) {
    if (unit < '0' || unit > '9') return -1;
    index = index * 10 + (unit - '0');
  }
  return index < 0xFFFFFFFF ? index : -1;
}

size_t Object::Place(std::u16string_view key) const {
  if (entries_.size() > kLinearEntriesMax) {
    const auto found = places_.find(key);
    return found == places_.end() ? entries_.size() : found->second;
  }
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& one) { return one.first == key; });
  return static_cast<size_t>(found - entries_.begin());
}

void Object::Put(std::u16string key, Value value) {
  const size_t place = Place(key);
  if (place < entries_.size()) {
    entries_[place].second = std::move(value);
    return;
  }
  has_indexes_ = has_indexes_ || ArrayIndex(key) >= 0;
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() <= kLinearEntriesMax) return;
  if (places_.empty()) {
    for (size_t i = 0; i + 1 < entries_.size(); ++i) places_.emplace(entries_[i].first, i);
  }
  places_.emplace(entries_.back().first, entries_.size() - 1);
}

const Value* Object::Find(std::u16string_view key) const {
  const size_t place = Place(key);
  return place < entries_.size() ? &entries_[place].second : nullptr;
}

void Object::Order() {
  if (!has_indexes_) return;
  const auto others = std::stable_partition(entries_.begin(), entries_.end(),
                                            [](const Entry& entry) { return ArrayIndex(entry.first) >= 0; });
  std::sort(entries_.begin(), others,
            [](const Entry& a, const Entry& b) { return ArrayIndex(a.first) < ArrayIndex(b.first); });
  if (places_.empty()) return;
  for (size_t i = 0; i < entries_.size(); ++i) places_[entries_[i].first] = i;
}

std::u16string Collection::KeyText(const Value& key) {
  switch (key.kind()) {
    case Kind::kString:
      return u"s" + key.as_string();
    case Kind::kNumber:
      return u"n" + NumberToText(key.as_number());
    case Kind::kExact:
      return u"e" + Widen(key.as_exact());
    default:  // few: told apart by SameValueZero
      return Widen(TypeOf(key));
  }
}

size_t Collection::Place(const Value& key) const {
  if (key.is_string() || key.is_number() || key.kind() == Kind::kExact) {
    const auto found = places_.find(KeyText(key));
    return found == places_.end() ? entries.size() : found->second;
  }
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return SameValueZero(entry.first, key); });
  return static_cast<size_t>(found - entries.begin());
}

const Value* Collection::Find(const Value& key) const {
  const size_t place = Place(key);
  return place < entries.size() ? &entries[place].second : nullptr;
}

void Collection::Put(const Value& key, Value value) {
  const size_t place = Place(key);
  if (place < entries.size()) {
    entries[place].second = std::move(value);
    return;
  }
  places_.emplace(KeyText(key), place);
  entries.emplace_back(key, std::move(value));
}

std::string_view TypeOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "undefined";
    case Kind::kBool:
      return "boolean";
    case Kind::kNumber:
      return "number";
    case Kind::kExact:
      return "bigint";
    case Kind::kString:
      return "string";
    case Kind::kFunction:
      return IsNamespace(value.as_function()) ? "object" : "function";
    default:
      return "object";
  }
}

bool Truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNull:
      return false;
    case Kind::kBool:
      return value.as_bool();
    case Kind::kNumber:
      return value.as_number() != 0 && !std::isnan(value.as_number());
    case Kind::kExact:
      return CompareDecimals(value.as_exact(), "0") != 0;
    case Kind::kString:
      return !value.as_string().empty();
    default:
      return true;
  }
}

bool StrictEquals(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNull:
      return true;
    case Kind::kBool:
      return a.as_bool() == b.as_bool();
    case Kind::kNumber:
      return a.as_number() == b.as_number();
    case Kind::kExact:
      return CompareDecimals(a.as_exact(), b.as_exact()) == 0;
    case Kind::kString:
      return a.as_string() == b.as_string();
    case Kind::kFunction:
      return a.SameObject(b) || SameBuiltin(a.as_function(), b.as_function());
    default:
      return a.SameObject(b);
  }
}

bool SameValueZero(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number() && std::isnan(a.as_number()) && std::isnan(b.as_number())) return true;
  return StrictEquals(a, b);
}

// A container that holds a secret somewhere is marked, so that what walks over it is marked too.
Value FromCore(const expression::Value& value) {
  bool secret = value.secret();
  const auto part = [&](const expression::Value& item) {
    Value converted = FromCore(item);
    secret = secret || converted.secret();
    return converted;
  };
  const auto convert = [&]() -> Value {
    switch (value.kind()) {
      case expression::Value::Kind::kNull:
        return Value::Null();
      case expression::Value::Kind::kBool:
        return Value::Bool(value.as_bool());
      case expression::Value::Kind::kInt:
        return Value::Int(value.as_int());
      case expression::Value::Kind::kNumber:
        return Value::NumberText(value.as_number());
      case expression::Value::Kind::kList: {
        List items;
        items.reserve(value.as_list().size());
        for (const expression::Value& item : value.as_list()) items.push_back(part(item));
        return Value::OfArray(std::move(items));
      }
      case expression::Value::Kind::kMap: {
        Object object;
        for (const auto& [key, item] : value.as_map()) object.Put(ToUtf16(key), part(item));
        return Value::OfObject(std::move(object));
      }
      default:  // text; a Date would lose the microseconds of a datetime
        return Value::Utf8(ToText(value));
    }
  };
  const Value converted = convert();  // before `secret` is read
  return converted.WithSecret(secret);
}

expression::Value ToCore(const Value& value) {
  const auto convert = [&]() -> expression::Value {
    switch (value.kind()) {
      case Kind::kBool:
        return expression::Value::Bool(value.as_bool());
      case Kind::kNumber:
        if (!std::isfinite(value.as_number())) return expression::Value::Null();
        return expression::Value::NumberText(ToUtf8(NumberToText(value.as_number())));
      case Kind::kExact:
        return expression::Value::NumberText(value.as_exact());
      case Kind::kString:
        return expression::Value::String(ToUtf8(value.as_string()));
      case Kind::kDate:
        if (!std::isfinite(value.as_date())) return expression::Value::Null();
        return expression::Value::Datetime({.micros = static_cast<int64_t>(value.as_date()) * 1000});
      case Kind::kArray: {
        expression::List items;
        items.reserve(value.items().size());
        for (const Value& item : value.items()) items.push_back(ToCore(item));
        return expression::Value::OfList(std::move(items));
      }
      case Kind::kObject: {
        expression::Map map;
        for (const auto& [key, item] : value.as_object().entries()) {
          if (!item.is_undefined() && !item.is_function()) map.emplace_back(ToUtf8(key), ToCore(item));
        }
        return expression::Value::OfMap(std::move(map));
      }
      case Kind::kRegex:
      case Kind::kMap:
      case Kind::kSet:
        return expression::Value::OfMap({});
      default:
        return expression::Value::Null();
    }
  };
  return convert().WithSecret(value.secret());
}

}  // namespace firn::expression::javascript
