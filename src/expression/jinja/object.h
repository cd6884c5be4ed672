#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "expression/jinja/value.h"

/// What lies behind a Value's pointer. Private to this folder.
namespace firn::expression::jinja {

struct TextObject : Object {
  explicit TextObject(std::string_view value) : text(value) {}
  explicit TextObject(std::string&& value) : text(std::move(value)) {}
  std::string text;
};

/// What lists and maps know about themselves. A list or map that lies in another is frozen: so these figures stay true,
/// nothing can hold itself, and every walk over a value has an end.
struct ContainerObject : Object {
  uint32_t weight = 1;  // values in it, at any depth; stops at kWeightMax
  uint32_t depth = 1;
  bool frozen = true;  // from outside or inside another: an expression may not change it
  /// Takes note of a value that comes in, and freezes it.
  void Embed(const Value& child);
};
inline constexpr uint32_t kWeightMax = 1'000'000;
inline constexpr uint32_t kContainerDepthMax = 300;

struct ListObject : ContainerObject {
  List items;
};

struct MapObject : ContainerObject {
  /// Reads the entries of a lazy map when they are needed.
  const Entries& All() const;
  Entries& Mutable() { return entries; }
  mutable Entries entries;
  mutable std::shared_ptr<const LazyMap> lazy;  // empty once it has been read whole
  Value attributes;                             // a map, or undefined: names that `.name` finds before the keys
};

struct DurationObject : Object {
  CalendarDuration duration;
};

/// Things that exist during an evaluation only.
struct InternalObject : Object {
  enum class Type { kMethod, kFunction, kGenerator, kView, kNamespace, kLoop, kTemplate };
  Type type = Type::kMethod;
  std::string name;                                       // kMethod, kFunction, kView ("dict_keys"), kGenerator
  Value receiver;                                         // kMethod; kNamespace and kLoop: what they hold
  List items;                                             // kView
  std::function<Result<std::optional<Value>>()> advance;  // kGenerator
  bool done = false;                                      // kGenerator
};

/// The parts of Value that only this folder may touch.
struct ValueAccess {
  static constexpr uint64_t kMarkupBit = 1 << 10;    // a string that `tojson` or `safe` made
  static constexpr uint64_t kUnsafeBit = 1 << 11;    // an undefined that stands for a forbidden attribute
  static constexpr uint64_t kZoneNameBit = 1 << 12;  // a time whose zone is a plain offset, or pytz's
  static constexpr uint64_t kNaiveBit = 1 << 13;
  static constexpr uint64_t kMutableBits = Value::kSecretBit | kMarkupBit;

  static Value FromObject(Value::Kind kind, Object* object) {
    Value value(kind, 0);
    value.object_ = object;
    value.word_ |= Value::kSharedBit;
    return value;
  }
  static Value OfKind(Value::Kind kind, int64_t number) { return Value(kind, number); }
  static Value Text(Value::Kind kind, std::string&& text) {
    return FromObject(kind, new TextObject(std::move(text)));  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): owned
  }
  static Object* ObjectOf(const Value& value) { return value.object_; }
  static ListObject& ListOf(const Value& value) { return static_cast<ListObject&>(*value.object_); }
  static MapObject& MapOf(const Value& value) { return static_cast<MapObject&>(*value.object_); }
  static InternalObject& InternalOf(const Value& value) { return static_cast<InternalObject&>(*value.object_); }
  static bool Has(const Value& value, uint64_t bit) { return (value.word_ & bit) != 0; }
  static Value With(Value value, uint64_t bit) {
    value.word_ |= bit;
    return value;
  }
  static uint32_t Upper(const Value& value) { return static_cast<uint32_t>(value.word_ >> 32); }
  static Value WithUpper(Value value, uint32_t upper) {
    value.word_ = (value.word_ & 0xFFFFFFFF) | uint64_t{upper} << 32;
    return value;
  }
};

/// A string, moved in.
inline Value MakeString(std::string&& text) {
  return ValueAccess::Text(Value::Kind::kString, std::move(text));
}
inline Value MakeMarkup(std::string&& text) {
  return ValueAccess::With(MakeString(std::move(text)), ValueAccess::kMarkupBit);
}
inline bool IsMarkup(const Value& value) {
  return value.is_string() && ValueAccess::Has(value, ValueAccess::kMarkupBit);
}
/// Lists and maps that an expression makes: it may change them.
Value NewList(List items);
Value NewMap(Entries entries);
/// As a time of `pytz`, which differs in `repr` only.
Value MakeDatetime(Timestamp wall, std::optional<int32_t> offset_seconds, bool pytz);

/// False for a value that is too large or too deep, made by an expression out of itself.
bool IsBounded(const Value& value);

bool IsInternal(const Value& value, InternalObject::Type type);
Value NewInternal(InternalObject::Type type, std::string name);

inline bool IsIntegral(const Value& value) {
  return value.kind() == Value::Kind::kInt || value.kind() == Value::Kind::kBool ||
         value.kind() == Value::Kind::kBigInt;
}
inline bool IsNumeric(const Value& value) {
  return IsIntegral(value) || value.kind() == Value::Kind::kFloat;
}
inline bool IsSequence(const Value& value) {
  return value.kind() == Value::Kind::kList || value.kind() == Value::Kind::kTuple;
}
/// True if Python can put it into a set: no list, map, set (deep in tuples).
bool Hashable(const Value& value);

/// Puts a key's value; the first place is kept. Keys are compared as Python does.
void PutEntry(Entries* entries, Value key, Value value);
const Value* FindEntry(const Entries& entries, const Value& key);

/// Orders as Python's `<`: -1, 0, 1; 2 when not comparable numbers (NaN). Errors: kBadData when the kinds cannot be
/// ordered, kConfig for an undefined value.
Result<int> Order(const Value& a, const Value& b);

/// A float as Python prints it.
std::string FloatRepr(double value);
/// `json.dumps(value)`: ASCII, ", " and ": ". `indent` < 0: one line. Errors: kBadData for what JSON cannot say.
Result<std::string> JsonDumps(const Value& value, bool sort_keys, int indent);

}  // namespace firn::expression::jinja
