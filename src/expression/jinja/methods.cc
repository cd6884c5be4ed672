// Methods of lists, tuples, maps, times, numbers and of what exists during an evaluation only.
#include <algorithm>
#include <cmath>

#include "expression/jinja/builtins.h"
#include "expression/jinja/number.h"
#include "expression/jinja/times.h"

namespace firn::expression::jinja {
namespace {

Value View(std::string name, List items) {
  Value view = NewInternal(InternalObject::Type::kView, std::move(name));
  ValueAccess::InternalOf(view).items = std::move(items);
  return view;
}

Status Frozen(const Call& call) {
  return call.ValueError("a value from outside, or inside another one, cannot be changed");
}

// What a method gives that changed its receiver.
Result<Value> Bounded(const Call& call) {
  if (!IsBounded(call.self)) return call.ValueError("the value is too large or too deep");
  return Value::Null();
}

// Maps.

Result<Value> MapGet(const Call& call) {
  const Value& key = call.At(0);
  if (key.is_string()) {
    const MapObject& map = ValueAccess::MapOf(call.self);
    if (map.lazy == nullptr) {
      if (const Value* found = FindEntry(map.entries, key)) return *found;
    } else if (auto found = map.lazy->Find(key.as_string())) {
      return *std::move(found);
    }
  } else {
    if (!Hashable(key)) return call.TypeError("unhashable type: '" + std::string(TypeName(key)) + "'");
    if (const Value* found = FindEntry(call.self.as_map(), key)) return *found;
  }
  return call.Has(1) ? call.At(1) : Value::Null();
}

Result<Value> MapItems(const Call& call) {
  List items;
  for (const auto& [key, value] : call.self.as_map()) items.push_back(Value::OfTuple({key, value}));
  return View("dict_items", std::move(items));
}

Result<Value> MapKeys(const Call& call) {
  List items;
  for (const auto& [key, value] : call.self.as_map()) items.push_back(key);
  return View("dict_keys", std::move(items));
}

Result<Value> MapValues(const Call& call) {
  List items;
  for (const auto& [key, value] : call.self.as_map()) items.push_back(value);
  return View("dict_values", std::move(items));
}

Result<Value> MapCopy(const Call& call) {
  return NewMap(call.self.as_map());
}

Result<Value> MapUpdate(const Call& call) {
  MapObject& map = ValueAccess::MapOf(call.self);
  if (map.frozen) return Frozen(call);
  if (call.arguments.rest.size() > 1) return call.TypeError("at most one positional argument is wanted");
  Entries added;
  if (!call.arguments.rest.empty()) {
    const Value& other = call.arguments.rest[0];
    if (other.is_map()) {
      added = other.as_map();
    } else {
      ARROW_ASSIGN_OR_RAISE(const List pairs, call.run.ToList(other, call.node));
      for (const Value& pair : pairs) {
        ARROW_ASSIGN_OR_RAISE(List both, call.run.ToList(pair, call.node));
        if (both.size() != 2) return call.ValueError("pairs are wanted");
        added.emplace_back(std::move(both[0]), std::move(both[1]));
      }
    }
  }
  for (const auto& [name, value] : call.arguments.named) added.emplace_back(Value::String(name), value);
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, 16 * (added.size() + map.entries.size())));
  for (auto& [key, value] : added) {
    if (!Hashable(key)) return call.TypeError("unhashable key");
    if (value.is_map() && ValueAccess::ObjectOf(value) == &map) return call.ValueError("a map cannot hold itself");
    map.Embed(key);
    map.Embed(value);
    PutEntry(&map.entries, std::move(key), std::move(value));
  }
  return Bounded(call);
}

Result<Value> MapSetDefault(const Call& call) {
  MapObject& map = ValueAccess::MapOf(call.self);
  if (const Value* found = FindEntry(map.All(), call.At(0))) return *found;
  if (map.frozen) return Frozen(call);
  if (!Hashable(call.At(0))) return call.TypeError("unhashable key");
  const Value value = call.Has(1) ? call.At(1) : Value::Null();
  if (value.is_map() && ValueAccess::ObjectOf(value) == &map) return call.ValueError("a map cannot hold itself");
  map.Embed(call.At(0));
  map.Embed(value);
  map.entries.emplace_back(call.At(0), value);
  ARROW_RETURN_NOT_OK(Bounded(call).status());
  return value;
}

Result<Value> MapPop(const Call& call) {
  MapObject& map = ValueAccess::MapOf(call.self);
  if (map.frozen) return Frozen(call);
  for (auto entry = map.entries.begin(); entry != map.entries.end(); ++entry) {
    if (!Equals(entry->first, call.At(0))) continue;
    const Value value = entry->second;
    map.entries.erase(entry);
    return value;
  }
  if (call.Has(1)) return call.At(1);
  return call.ValueError("there is no such key");
}

Result<Value> MapClear(const Call& call) {
  MapObject& map = ValueAccess::MapOf(call.self);
  if (map.frozen) return Frozen(call);
  map.entries.clear();
  return Value::Null();
}

constexpr Method kMapMethods[] = {
    {"clear", TakesPositional(0, 0), MapClear},
    {"copy", TakesPositional(0, 0), MapCopy},
    {"fromkeys", TakesAny(), nullptr},
    {"get", TakesPositional(1, 2), MapGet},
    {"items", TakesPositional(0, 0), MapItems},
    {"keys", TakesPositional(0, 0), MapKeys},
    {"pop", TakesPositional(1, 2), MapPop},
    {"popitem", TakesAny(), nullptr},
    {"setdefault", TakesPositional(1, 2), MapSetDefault},
    {"update", TakesAny(), MapUpdate},
    {"values", TakesPositional(0, 0), MapValues},
};

// Lists and tuples.

Result<Value> ListAppend(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, 16));
  if (call.At(0).is_list() && ValueAccess::ObjectOf(call.At(0)) == &list) {
    return call.ValueError("a list cannot hold itself");
  }
  list.Embed(call.At(0));
  list.items.push_back(call.At(0));
  return Bounded(call);
}

Result<Value> ListExtend(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  ARROW_ASSIGN_OR_RAISE(const List items, call.run.ToList(call.At(0), call.node));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, 16 * items.size()));
  for (const Value& item : items) list.Embed(item);
  list.items.insert(list.items.end(), items.begin(), items.end());
  return Bounded(call);
}

Result<Value> ListInsert(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  ARROW_ASSIGN_OR_RAISE(int64_t at, call.Integer(0, 0));
  const auto size = static_cast<int64_t>(list.items.size());
  if (at < 0) at = std::max<int64_t>(0, at + size);
  if (call.At(1).is_list() && ValueAccess::ObjectOf(call.At(1)) == &list) {
    return call.ValueError("a list cannot hold itself");
  }
  list.Embed(call.At(1));
  list.items.insert(list.items.begin() + std::min(at, size), call.At(1));
  return Bounded(call);
}

Result<Value> ListPop(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  ARROW_ASSIGN_OR_RAISE(int64_t at, call.Integer(0, -1));
  const auto size = static_cast<int64_t>(list.items.size());
  if (at < 0) at += size;
  if (at < 0 || at >= size) return call.ValueError("pop index out of range");
  const Value value = list.items[static_cast<size_t>(at)];
  list.items.erase(list.items.begin() + at);
  return value;
}

Result<Value> ListRemove(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  for (auto item = list.items.begin(); item != list.items.end(); ++item) {
    if (!Equals(*item, call.At(0))) continue;
    list.items.erase(item);
    return Value::Null();
  }
  return call.ValueError("there is no such item");
}

Result<Value> ListReverse(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  std::reverse(list.items.begin(), list.items.end());
  return Value::Null();
}

Result<Value> ListCopy(const Call& call) {
  return NewList(call.self.as_list());
}

Result<Value> ListCount(const Call& call) {
  const List& items = call.self.as_list();
  return Value::Int(
      std::count_if(items.begin(), items.end(), [&](const Value& item) { return Equals(item, call.At(0)); }));
}

Result<Value> ListIndex(const Call& call) {
  const List& items = call.self.as_list();
  for (size_t i = 0; i < items.size(); ++i) {
    if (Equals(items[i], call.At(0))) return Value::Int(static_cast<int64_t>(i));
  }
  return call.ValueError("there is no such item");
}

Result<Value> ListClear(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  list.items.clear();
  return Value::Null();
}

Result<Value> ListSort(const Call& call) {
  ListObject& list = ValueAccess::ListOf(call.self);
  if (list.frozen) return Frozen(call);
  if (call.Has(0) && !call.At(0).is_null()) return call.TypeError("a key function is not supported");
  ARROW_ASSIGN_OR_RAISE(list.items, SortValues(call, list.items, list.items, call.True(1)));
  return Value::Null();
}

constexpr Method kListMethods[] = {
    {"append", TakesPositional(1, 1), ListAppend}, {"clear", TakesPositional(0, 0), ListClear},
    {"copy", TakesPositional(0, 0), ListCopy},     {"count", TakesPositional(1, 1), ListCount},
    {"extend", TakesPositional(1, 1), ListExtend}, {"index", TakesPositional(1, 1), ListIndex},
    {"insert", TakesPositional(2, 2), ListInsert}, {"pop", TakesPositional(0, 1), ListPop},
    {"remove", TakesPositional(1, 1), ListRemove}, {"reverse", TakesPositional(0, 0), ListReverse},
    {"sort", Takes("key reverse"), ListSort},
};

constexpr Method kTupleMethods[] = {
    {"count", TakesPositional(1, 1), ListCount},
    {"index", TakesPositional(1, 1), ListIndex},
};

// Times.

Timestamp WallOfTime(const Value& value) {
  return {.micros = value.kind() == Value::Kind::kDate ? value.as_days() * kMicrosPerDay : value.as_wall().micros};
}
std::optional<int32_t> OffsetOf(const Value& value) {
  return value.kind() == Value::Kind::kDatetime ? value.offset_seconds() : std::nullopt;
}
bool IsDate(const Value& value) {
  return value.kind() == Value::Kind::kDate;
}

Result<Value> Strftime(const Call& call) {
  if (call.At(0).is_undefined()) return call.TypeError("a format is wanted");
  ARROW_ASSIGN_OR_RAISE(const std::string_view format, call.Text(0, ""));
  return MakeString(FormatTime(WallOfTime(call.self), OffsetOf(call.self), format));
}

Result<Value> Isoformat(const Call& call) {
  if (IsDate(call.self)) {
    if (call.Has(0)) return call.TypeError("no arguments are wanted");
    return MakeString(IsoDateText(call.self.as_days()));
  }
  ARROW_ASSIGN_OR_RAISE(const std::string_view separator, call.Text(0, "T"));
  ARROW_ASSIGN_OR_RAISE(const std::string_view timespec, call.Text(1, "auto"));
  if (separator.size() != 1) return call.TypeError("one character is wanted as separator");
  constexpr std::string_view kKnown[] = {"auto", "hours", "minutes", "seconds", "milliseconds", "microseconds"};
  if (std::find(std::begin(kKnown), std::end(kKnown), timespec) == std::end(kKnown)) {
    return call.ValueError("unknown timespec value");
  }
  return MakeString(IsoText(call.self.as_wall(), call.self.offset_seconds(), separator[0], timespec));
}

Result<Value> Weekday(const Call& call) {
  return Value::Int(WeekdayOf(WallOfTime(call.self)));
}
Result<Value> IsoWeekday(const Call& call) {
  return Value::Int(WeekdayOf(WallOfTime(call.self)) + 1);
}
Result<Value> ToOrdinal(const Call& call) {
  return Value::Int(PartsOf(WallOfTime(call.self).micros).days + 719'163);
}
Result<Value> ToDate(const Call& call) {
  return Value::Date(static_cast<int32_t>(PartsOf(call.self.as_wall().micros).days));
}

Result<Value> ToEpoch(const Call& call) {
  const ZonedTime time{.wall = call.self.as_wall(), .offset_seconds = call.self.offset_seconds()};
  return Value::Float(static_cast<double>(time.Instant().micros) / 1e6);
}

// `replace(year=…, …, tzinfo=none)`.
Result<Value> ReplaceParts(const Call& call) {
  const bool date = IsDate(call.self);
  CivilTime civil = CivilOf(WallOfTime(call.self));
  constexpr std::string_view kNames[] = {"year", "month", "day", "hour", "minute", "second", "microsecond"};
  int* const parts[] = {&civil.year,   &civil.month,  &civil.day,   &civil.hour,
                        &civil.minute, &civil.second, &civil.micros};
  const size_t known = date ? 3 : 7;
  std::optional<int32_t> offset = OffsetOf(call.self);
  const auto set = [&](size_t i, const Value& value) -> Status {
    if (!IsIntegral(value) || value.kind() == Value::Kind::kBigInt) return call.TypeError("an integer is wanted");
    if (value.as_int() < 0 || value.as_int() > 1'000'000) return call.ValueError("the time does not exist");
    *parts[i] = static_cast<int>(value.as_int());
    return Status::OK();
  };
  if (call.arguments.rest.size() > known) return call.TypeError("too many arguments");
  for (size_t i = 0; i < call.arguments.rest.size(); ++i) ARROW_RETURN_NOT_OK(set(i, call.arguments.rest[i]));
  for (const auto& [name, value] : call.arguments.named) {
    const auto* found = std::find(std::begin(kNames), std::begin(kNames) + known, name);
    if (found != std::begin(kNames) + known) {
      ARROW_RETURN_NOT_OK(set(static_cast<size_t>(found - std::begin(kNames)), value));
    } else if (!date && name == "tzinfo" && value.is_null()) {
      offset = std::nullopt;
    } else {
      return call.TypeError("unexpected argument '" + name + "'");
    }
  }
  const auto wall = WallOf(civil);
  if (!wall) return call.ValueError("the time does not exist");
  if (date) return Value::Date(static_cast<int32_t>(PartsOf(wall->micros).days));
  return MakeDatetime(*wall, offset, ValueAccess::Has(call.self, ValueAccess::kZoneNameBit));
}

// The machine's zone is UTC, as the runtime's container has it.
Result<Value> Astimezone(const Call& call) {
  const ZonedTime time{.wall = call.self.as_wall(), .offset_seconds = call.self.offset_seconds()};
  return Value::Datetime(time.Instant(), 0);
}

Result<Value> TotalSeconds(const Call& call) {
  const bool calendar = call.self.kind() == Value::Kind::kDuration;
  const int64_t micros = calendar ? call.self.as_duration().micros : call.self.as_micros();
  return Value::Float(static_cast<double>(micros) / 1e6);
}

constexpr Method kDatetimeMethods[] = {
    {"astimezone", TakesPositional(0, 0), Astimezone},
    {"combine", TakesAny(), nullptr},
    {"ctime", TakesAny(), nullptr},
    {"date", TakesPositional(0, 0), ToDate},
    {"dst", TakesAny(), nullptr},
    {"fromisoformat", TakesAny(), nullptr},
    {"fromtimestamp", TakesAny(), nullptr},
    {"isocalendar", TakesAny(), nullptr},
    {"isoformat", Takes("sep timespec"), Isoformat},
    {"isoweekday", TakesPositional(0, 0), IsoWeekday},
    {"replace", TakesAny(), ReplaceParts},
    {"strftime", Takes("format", 1), Strftime},
    {"strptime", TakesAny(), nullptr},
    {"time", TakesAny(), nullptr},
    {"timestamp", TakesPositional(0, 0), ToEpoch},
    {"timetuple", TakesAny(), nullptr},
    {"timetz", TakesAny(), nullptr},
    {"toordinal", TakesPositional(0, 0), ToOrdinal},
    {"tzname", TakesAny(), nullptr},
    {"utcnow", TakesAny(), nullptr},
    {"utcoffset", TakesAny(), nullptr},
    {"utctimetuple", TakesAny(), nullptr},
    {"weekday", TakesPositional(0, 0), Weekday},
};

constexpr Method kDateMethods[] = {
    {"ctime", TakesAny(), nullptr},
    {"fromisoformat", TakesAny(), nullptr},
    {"fromtimestamp", TakesAny(), nullptr},
    {"isocalendar", TakesAny(), nullptr},
    {"isoformat", TakesPositional(0, 0), Isoformat},
    {"isoweekday", TakesPositional(0, 0), IsoWeekday},
    {"replace", TakesAny(), ReplaceParts},
    {"strftime", Takes("format", 1), Strftime},
    {"timetuple", TakesAny(), nullptr},
    {"today", TakesAny(), nullptr},
    {"toordinal", TakesPositional(0, 0), ToOrdinal},
    {"weekday", TakesPositional(0, 0), Weekday},
};

constexpr Method kSpanMethods[] = {
    {"total_seconds", TakesPositional(0, 0), TotalSeconds},
};

// Numbers.

Result<Value> IsInteger(const Call& call) {
  return Value::Bool(std::isfinite(call.self.as_float()) && call.self.as_float() == std::trunc(call.self.as_float()));
}

Result<Value> BitLength(const Call& call) {
  if (call.self.kind() == Value::Kind::kBigInt) return call.ValueError("the integer is too large");
  uint64_t size =
      call.self.as_int() < 0 ? -static_cast<uint64_t>(call.self.as_int()) : static_cast<uint64_t>(call.self.as_int());
  int64_t bits = 0;
  for (; size > 0; size >>= 1) ++bits;
  return Value::Int(bits);
}

Result<Value> Conjugate(const Call& call) {
  return call.self.kind() == Value::Kind::kBool ? Value::Int(call.self.as_int()) : call.self;
}

constexpr Method kIntMethods[] = {
    {"as_integer_ratio", TakesAny(), nullptr},
    {"bit_count", TakesAny(), nullptr},
    {"bit_length", TakesPositional(0, 0), BitLength},
    {"conjugate", TakesPositional(0, 0), Conjugate},
    {"from_bytes", TakesAny(), nullptr},
    {"to_bytes", TakesAny(), nullptr},
};
constexpr Method kFloatMethods[] = {
    {"as_integer_ratio", TakesAny(), nullptr},
    {"conjugate", TakesPositional(0, 0), Conjugate},
    {"fromhex", TakesAny(), nullptr},
    {"hex", TakesAny(), nullptr},
    {"is_integer", TakesPositional(0, 0), IsInteger},
};

// loop.cycle(…) and loop.changed(…).

Result<Value> LoopCycle(const Call& call) {
  const List& items = call.arguments.rest;
  if (items.empty()) return call.TypeError("no items for cycling given");
  const auto at = ValueAccess::InternalOf(call.self).receiver.Find("index0");
  return items[static_cast<size_t>(at->as_int()) % items.size()];
}

constexpr Method kLoopMethods[] = {
    {"changed", TakesAny(), nullptr},
    {"cycle", TakesAny(), LoopCycle},
};

}  // namespace

const Method* FindMapMethod(std::string_view name) {
  return FindSorted(kMapMethods, name);
}
const Method* FindListMethod(std::string_view name) {
  return FindSorted(kListMethods, name);
}
const Method* FindTupleMethod(std::string_view name) {
  return FindSorted(kTupleMethods, name);
}

const Method* FindTimeMethod(const Value& receiver, std::string_view name) {
  switch (receiver.kind()) {
    case Value::Kind::kDatetime:
      return FindSorted(kDatetimeMethods, name);
    case Value::Kind::kDate:
      return FindSorted(kDateMethods, name);
    default:
      return FindSorted(kSpanMethods, name);
  }
}

const Method* FindNumberMethod(const Value& receiver, std::string_view name) {
  if (receiver.kind() == Value::Kind::kFloat) return FindSorted(kFloatMethods, name);
  return IsIntegral(receiver) ? FindSorted(kIntMethods, name) : nullptr;
}

const Method* FindInternalMethod(const Value& receiver, std::string_view name) {
  return IsInternal(receiver, InternalObject::Type::kLoop) ? FindSorted(kLoopMethods, name) : nullptr;
}

}  // namespace firn::expression::jinja
