#include "expression/jinja/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "expression/jinja/big_integer.h"
#include "expression/jinja/object.h"

namespace firn::expression::jinja {

Value Value::Float(double value) {
  Value result(Kind::kFloat, 0);
  result.float_ = value;
  return result;
}

Value Value::String(std::string_view text) {
  return ValueAccess::FromObject(Kind::kString, new TextObject(text));
}

Value Value::Bytes(std::string_view bytes) {
  return ValueAccess::FromObject(Kind::kBytes, new TextObject(bytes));
}

Value Value::Datetime(Timestamp wall, std::optional<int32_t> offset_seconds) {
  return MakeDatetime(wall, offset_seconds, /*pytz=*/false);
}

Value MakeDatetime(Timestamp wall, std::optional<int32_t> offset_seconds, bool pytz) {
  Value value = ValueAccess::OfKind(Value::Kind::kDatetime, wall.micros);
  if (!offset_seconds) return ValueAccess::With(value, ValueAccess::kNaiveBit);
  value = ValueAccess::WithUpper(value, static_cast<uint32_t>(*offset_seconds));
  return pytz ? ValueAccess::With(value, ValueAccess::kZoneNameBit) : value;
}

Value Value::Duration(CalendarDuration duration) {
  auto* object = new DurationObject;
  object->duration = duration;
  return ValueAccess::FromObject(Kind::kDuration, object);
}

namespace {

bool IsContainer(const Value& value) {
  return IsSequence(value) || value.kind() == Value::Kind::kSet || value.is_map();
}

ContainerObject& ContainerOf(const Value& value) {
  return static_cast<ContainerObject&>(*ValueAccess::ObjectOf(value));
}

Value MakeList(Value::Kind kind, List items, bool frozen) {
  auto* object = new ListObject;
  for (const Value& item : items) object->Embed(item);
  object->items = std::move(items);
  object->frozen = frozen;
  return ValueAccess::FromObject(kind, object);
}

Value MakeMap(Entries entries, bool frozen) {
  auto* object = new MapObject;
  for (const auto& [key, value] : entries) {
    object->Embed(key);
    object->Embed(value);
  }
  object->entries = std::move(entries);
  object->frozen = frozen;
  return ValueAccess::FromObject(Value::Kind::kMap, object);
}

// Below this many entries a scan is faster than a hash table.
constexpr size_t kScanMax = 16;

bool UniqueStrings(const Entries& entries) {
  if (entries.size() > kScanMax) {
    std::unordered_set<std::string_view> seen;
    return std::all_of(entries.begin(), entries.end(), [&](const auto& entry) {
      return entry.first.is_string() && seen.insert(entry.first.as_string()).second;
    });
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].first.is_string()) return false;
    for (size_t j = 0; j < i; ++j) {
      if (entries[i].first.as_string() == entries[j].first.as_string()) return false;
    }
  }
  return true;
}

Entries Unique(Entries entries) {
  if (UniqueStrings(entries)) return entries;
  Entries unique;
  for (auto& [key, value] : entries) PutEntry(&unique, std::move(key), std::move(value));
  return unique;
}

}  // namespace

void ContainerObject::Embed(const Value& child) {
  uint32_t added = 1;
  if (IsContainer(child)) {
    ContainerObject& inner = ContainerOf(child);
    if (!inner.frozen) inner.frozen = true;  // what is shared between threads is frozen already, and only read
    added += inner.weight;
    depth = std::max(depth, inner.depth + 1);
  } else if (IsInternal(child, InternalObject::Type::kNamespace)) {
    added = kWeightMax;  // it could come to hold this
  }
  weight = std::min(kWeightMax, weight + added);
}

bool IsBounded(const Value& value) {
  if (!IsContainer(value)) return true;
  const ContainerObject& container = ContainerOf(value);
  if (container.frozen && value.kind() != Value::Kind::kTuple) return true;  // was judged when it was made
  return container.weight < kWeightMax && container.depth < kContainerDepthMax;
}

Value Value::OfList(List items) {
  return MakeList(Kind::kList, std::move(items), /*frozen=*/true);
}
Value Value::OfTuple(List items) {
  return MakeList(Kind::kTuple, std::move(items), /*frozen=*/true);
}
Value NewList(List items) {
  return MakeList(Value::Kind::kList, std::move(items), /*frozen=*/false);
}

Value Value::OfSet(List items) {
  List unique;
  for (Value& item : items) {
    const bool known = std::any_of(unique.begin(), unique.end(), [&](const Value& seen) { return Equals(seen, item); });
    if (!known) unique.push_back(std::move(item));
  }
  return MakeList(Kind::kSet, std::move(unique), /*frozen=*/true);
}

Value Value::OfMap(Entries entries) {
  return MakeMap(Unique(std::move(entries)), /*frozen=*/true);
}
Value NewMap(Entries entries) {
  return MakeMap(Unique(std::move(entries)), /*frozen=*/false);
}

Value Value::OfLazyMap(std::shared_ptr<const LazyMap> map) {
  auto* object = new MapObject;
  object->lazy = std::move(map);
  return ValueAccess::FromObject(Kind::kMap, object);
}

Value Value::StreamSlice(const Value& partition, const Value& cursor_slice, const Value& extra_fields) {
  Entries merged;
  if (partition.is_map()) merged = partition.as_map();
  if (cursor_slice.is_map()) {
    for (const auto& [key, value] : cursor_slice.as_map()) merged.emplace_back(key, value);
  }
  Value result = OfMap(std::move(merged));
  const Value empty = OfMap({});
  ValueAccess::MapOf(result).attributes = OfMap({{String("partition"), partition.is_map() ? partition : empty},
                                                 {String("cursor_slice"), cursor_slice.is_map() ? cursor_slice : empty},
                                                 {String("extra_fields"), extra_fields.is_map() ? extra_fields : empty},
                                                 {String("_partition"), partition.is_map() ? partition : empty}});
  return result;
}

Value Value::IntegerText(std::string_view digits) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc() && end == digits.data() + digits.size()) return Int(number);
  return BigInteger::FromText(digits).ToValue();
}

double Value::as_float() const {
  return float_;
}

std::string_view Value::as_string() const {
  return static_cast<const TextObject*>(object_)->text;
}

std::optional<int32_t> Value::offset_seconds() const {
  if ((word_ & ValueAccess::kNaiveBit) != 0) return std::nullopt;
  return static_cast<int32_t>(word_ >> 32);
}

CalendarDuration Value::as_duration() const {
  return static_cast<const DurationObject*>(object_)->duration;
}

const List& Value::as_list() const {
  return static_cast<const ListObject*>(object_)->items;
}

const Entries& Value::as_map() const {
  return static_cast<const MapObject*>(object_)->All();
}

const Entries& MapObject::All() const {
  if (lazy != nullptr) {
    entries = Unique(lazy->All());
    lazy = nullptr;
  }
  return entries;
}

const LazyMap* Value::lazy_map() const {
  return is_map() ? static_cast<const MapObject*>(object_)->lazy.get() : nullptr;
}

std::optional<Value> Value::Find(std::string_view key) const {
  if (!is_map()) return std::nullopt;
  const auto& map = *static_cast<const MapObject*>(object_);
  if (map.lazy != nullptr) return map.lazy->Find(key);
  for (const auto& [name, value] : map.entries) {
    if (name.is_string() && name.as_string() == key) return value;
  }
  return std::nullopt;
}

Value Value::WithSecret(bool secret) const {
  Value copy = *this;
  if (secret) copy.word_ |= kSecretBit;
  return copy;
}

bool IsInternal(const Value& value, InternalObject::Type type) {
  return value.kind() == Value::Kind::kInternal && ValueAccess::InternalOf(value).type == type;
}

Value NewInternal(InternalObject::Type type, std::string name) {
  auto* object = new InternalObject;
  object->type = type;
  object->name = std::move(name);
  return ValueAccess::FromObject(Value::Kind::kInternal, object);
}

bool Hashable(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kList:
    case Value::Kind::kSet:
    case Value::Kind::kMap:
      return false;
    case Value::Kind::kTuple:
      return std::all_of(value.as_list().begin(), value.as_list().end(), Hashable);
    default:
      return true;
  }
}

void PutEntry(Entries* entries, Value key, Value value) {
  for (auto& [name, old] : *entries) {
    if (!Equals(name, key)) continue;
    old = std::move(value);
    return;
  }
  entries->emplace_back(std::move(key), std::move(value));
}

const Value* FindEntry(const Entries& entries, const Value& key) {
  for (const auto& [name, value] : entries) {
    if (name.is_string() && key.is_string() ? name.as_string() == key.as_string() : Equals(name, key)) return &value;
  }
  return nullptr;
}

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return "Undefined";
    case Value::Kind::kNull:
      return "NoneType";
    case Value::Kind::kBool:
      return "bool";
    case Value::Kind::kInt:
    case Value::Kind::kBigInt:
      return "int";
    case Value::Kind::kFloat:
      return "float";
    case Value::Kind::kString:
      return IsMarkup(value) ? "Markup" : "str";
    case Value::Kind::kBytes:
      return "bytes";
    case Value::Kind::kDatetime:
      return "datetime.datetime";
    case Value::Kind::kDate:
      return "datetime.date";
    case Value::Kind::kTimedelta:
      return "datetime.timedelta";
    case Value::Kind::kDuration:
      return "Duration";
    case Value::Kind::kList:
      return "list";
    case Value::Kind::kTuple:
      return "tuple";
    case Value::Kind::kSet:
      return "set";
    case Value::Kind::kMap:
      return ValueAccess::MapOf(value).attributes.is_map() ? "StreamSlice" : "dict";
    case Value::Kind::kEllipsis:
      return "ellipsis";
    case Value::Kind::kInternal:
      return ValueAccess::InternalOf(value).type == InternalObject::Type::kGenerator ? "generator" : "object";
  }
  return "object";
}

bool Truthy(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNull:
      return false;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
    case Value::Kind::kTimedelta:
      return value.as_int() != 0;
    case Value::Kind::kFloat:
      return value.as_float() != 0;
    case Value::Kind::kString:
    case Value::Kind::kBytes:
      return !value.as_string().empty();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
    case Value::Kind::kSet:
      return !value.as_list().empty();
    case Value::Kind::kMap: {
      const Value& attributes = ValueAccess::MapOf(value).attributes;
      if (!value.as_map().empty()) return true;
      const auto extra = attributes.Find("extra_fields");
      return extra && Truthy(*extra);
    }
    case Value::Kind::kInternal:
      return !IsInternal(value, InternalObject::Type::kView) || !ValueAccess::InternalOf(value).items.empty();
    default:
      return true;
  }
}

namespace {

std::optional<int> Sign(double difference) {
  if (std::isnan(difference)) return std::nullopt;
  return difference < 0 ? -1 : (difference > 0 ? 1 : 0);
}

// Numbers exactly, as Python does; nullopt when one is NaN.
std::optional<int> OrderNumbers(const Value& a, const Value& b) {
  const bool a_float = a.kind() == Value::Kind::kFloat;
  const bool b_float = b.kind() == Value::Kind::kFloat;
  if (a_float && b_float) {
    if (std::isnan(a.as_float()) || std::isnan(b.as_float())) return std::nullopt;
    return a.as_float() < b.as_float() ? -1 : (a.as_float() > b.as_float() ? 1 : 0);
  }
  if (!a_float && !b_float) {
    if (a.kind() != Value::Kind::kBigInt && b.kind() != Value::Kind::kBigInt) {
      return a.as_int() < b.as_int() ? -1 : (a.as_int() > b.as_int() ? 1 : 0);
    }
    return BigInteger::Of(a).Compare(BigInteger::Of(b));
  }
  const double real = a_float ? a.as_float() : b.as_float();
  if (std::isnan(real)) return std::nullopt;
  int order = 0;
  if (std::isinf(real)) {
    order = real < 0 ? 1 : -1;  // the integer against it
  } else {
    order = BigInteger::Of(a_float ? b : a).Compare(BigInteger::OfDouble(std::trunc(real)));
    if (order == 0) order = -*Sign(real - std::trunc(real));
  }
  return a_float ? -order : order;
}

bool ListsEqual(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), Equals);
}

bool SetsEqual(const List& a, const List& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](const Value& item) {
    return std::any_of(b.begin(), b.end(), [&](const Value& other) { return Equals(item, other); });
  });
}

bool MapsEqual(const Entries& a, const Entries& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](const auto& entry) {
    const Value* other = FindEntry(b, entry.first);
    return other != nullptr && Equals(entry.second, *other);
  });
}

bool DatetimesEqual(const Value& a, const Value& b) {
  if (a.offset_seconds().has_value() != b.offset_seconds().has_value()) return false;
  return a.as_wall().micros - a.offset_seconds().value_or(0) * int64_t{1'000'000} ==
         b.as_wall().micros - b.offset_seconds().value_or(0) * int64_t{1'000'000};
}

}  // namespace

bool Equals(const Value& a, const Value& b) {
  if (IsNumeric(a) && IsNumeric(b)) return OrderNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNull:
    case Value::Kind::kEllipsis:
      return true;
    case Value::Kind::kString:
    case Value::Kind::kBytes:
      return a.as_string() == b.as_string();
    case Value::Kind::kDatetime:
      return DatetimesEqual(a, b);
    case Value::Kind::kDate:
    case Value::Kind::kTimedelta:
      return a.as_int() == b.as_int();
    case Value::Kind::kDuration:
      return a.as_duration().years * 12 + a.as_duration().months ==
                 b.as_duration().years * 12 + b.as_duration().months &&
             a.as_duration().micros == b.as_duration().micros;
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return ListsEqual(a.as_list(), b.as_list());
    case Value::Kind::kSet:
      return SetsEqual(a.as_list(), b.as_list());
    case Value::Kind::kMap:
      return MapsEqual(a.as_map(), b.as_map());
    default:
      return ValueAccess::ObjectOf(a) == ValueAccess::ObjectOf(b);
  }
}

namespace {

Status Unordered(const Value& a, const Value& b) {
  return MakeError(Fault::kBadData,
                   "'" + std::string(TypeName(a)) + "' and '" + std::string(TypeName(b)) + "' cannot be ordered");
}

Result<int> OrderLists(const List& a, const List& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!Equals(a[i], b[i])) return Order(a[i], b[i]);
  }
  return a.size() < b.size() ? -1 : (a.size() > b.size() ? 1 : 0);
}

}  // namespace

Result<int> Order(const Value& a, const Value& b) {
  if (IsNumeric(a) && IsNumeric(b)) return OrderNumbers(a, b).value_or(2);
  if (a.is_undefined() || b.is_undefined()) return MakeError(Fault::kConfig, "an undefined value cannot be ordered");
  if (a.kind() != b.kind()) return Unordered(a, b);
  switch (a.kind()) {
    case Value::Kind::kString:
    case Value::Kind::kBytes: {
      // UTF-8 sorts as its code points do.
      const int order = a.as_string().compare(b.as_string());
      return order < 0 ? -1 : (order > 0 ? 1 : 0);
    }
    case Value::Kind::kDate:
    case Value::Kind::kTimedelta:
      return a.as_int() < b.as_int() ? -1 : (a.as_int() > b.as_int() ? 1 : 0);
    case Value::Kind::kDatetime: {
      if (a.offset_seconds().has_value() != b.offset_seconds().has_value()) return Unordered(a, b);
      const int64_t left = a.as_wall().micros - a.offset_seconds().value_or(0) * int64_t{1'000'000};
      const int64_t right = b.as_wall().micros - b.offset_seconds().value_or(0) * int64_t{1'000'000};
      return left < right ? -1 : (left > right ? 1 : 0);
    }
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return OrderLists(a.as_list(), b.as_list());
    default:
      return Unordered(a, b);
  }
}

}  // namespace firn::expression::jinja
