#include <cmath>

#include "expression/javascript/builtins.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Value::Kind;

Status NeedObject(const Call& call) {
  if (!call.At(0).is_nullish()) return Status::OK();
  return call.TypeError("an object is wanted, not " + std::string(KindName(call.At(0))));
}

Result<Value> Assign(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedObject(call));
  if (!call.At(0).is_object()) return call.TypeError("Object.assign wants an object as its first argument");
  Object object;
  for (const Value& argument : call.arguments) {
    for (auto& [key, value] : OwnEntries(argument)) {
      ARROW_RETURN_NOT_OK(call.run.Spend(call.range, sizeof(Object::Entry)));
      object.Put(std::move(key), std::move(value));
    }
  }
  return call.Object(std::move(object));
}

Result<Value> Entries(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedObject(call));
  List items;
  for (auto& [key, value] : OwnEntries(call.At(0))) {
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, 2 * sizeof(Value)));
    items.push_back(Value::OfArray(List{Value::String(std::move(key)), std::move(value)}));
  }
  return call.Array(std::move(items));
}

Result<Value> FromEntries(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const List pairs, call.run.ToList(call.At(0), call.range));
  Object object;
  for (const Value& pair : pairs) {
    if (pair.kind() < Kind::kArray) return call.TypeError("Object.fromEntries wants [key, value] pairs");
    ARROW_ASSIGN_OR_RAISE(const Value key, call.run.GetMember(pair, u"0", call.range));
    ARROW_ASSIGN_OR_RAISE(Value value, call.run.GetMember(pair, u"1", call.range));
    ARROW_ASSIGN_OR_RAISE(std::u16string name, call.run.ToKey(key, call.range));
    object.Put(std::move(name), std::move(value));
  }
  return call.Object(std::move(object));
}

bool HasOwnKey(const Value& value, std::u16string_view key) {
  if (value.is_object()) return value.as_object().Find(key) != nullptr;
  if ((value.is_array() || value.is_string()) && key == u"length") return true;
  for (const auto& [name, item] : OwnEntries(value)) {
    if (name == key) return true;
  }
  return false;
}

Result<Value> HasOwn(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedObject(call));
  ARROW_ASSIGN_OR_RAISE(const std::u16string key, call.run.ToKey(call.At(1), call.range));
  return Value::Bool(HasOwnKey(call.At(0), key));
}

Result<Value> HasOwnProperty(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::u16string key, call.run.ToKey(call.At(0), call.range));
  return Value::Bool(HasOwnKey(call.self, key));
}

Result<Value> Is(const Call& call) {
  const Value& a = call.At(0);
  const Value& b = call.At(1);
  if (a.is_number() && b.is_number() && a.as_number() == 0 && b.as_number() == 0) {
    return Value::Bool(std::signbit(a.as_number()) == std::signbit(b.as_number()));
  }
  return Value::Bool(SameValueZero(a, b));
}

Result<Value> Keys(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedObject(call));
  List items;
  for (auto& [key, value] : OwnEntries(call.At(0))) items.push_back(Value::String(std::move(key)));
  return call.Array(std::move(items));
}

Result<Value> Values(const Call& call) {
  ARROW_RETURN_NOT_OK(NeedObject(call));
  List items;
  for (auto& [key, value] : OwnEntries(call.At(0))) items.push_back(std::move(value));
  return call.Array(std::move(items));
}

// Values never change: freezing one gives it back.
Result<Value> Freeze(const Call& call) {
  return call.At(0);
}

constexpr Builtin kFunctions[] = {
    {"assign", Assign}, {"entries", Entries}, {"freeze", Freeze}, {"fromEntries", FromEntries},
    {"hasOwn", HasOwn}, {"is", Is},           {"keys", Keys},     {"values", Values},
};

Result<Value> ToString(const Call& call) {
  return call.run.ToText(call.self, call.range);
}

Result<Value> ValueOf(const Call& call) {
  return call.self;
}

constexpr Builtin kMethods[] = {
    {"hasOwnProperty", HasOwnProperty},
    {"toString", ToString},
    {"valueOf", ValueOf},
};

// Maps and sets.

Result<Value> MapGet(const Call& call) {
  const Value* found = call.self.as_collection().Find(call.At(0));
  return found == nullptr ? Value() : *found;
}
Result<Value> CollectionHas(const Call& call) {
  return Value::Bool(call.self.as_collection().Find(call.At(0)) != nullptr);
}
Result<Value> CollectionKeys(const Call& call) {
  List items;
  for (const auto& [key, value] : call.self.as_collection().entries) items.push_back(key);
  return call.Array(std::move(items));
}
Result<Value> MapValues(const Call& call) {
  List items;
  for (const auto& [key, value] : call.self.as_collection().entries) items.push_back(value);
  return call.Array(std::move(items));
}
Result<Value> CollectionEntries(const Call& call) {
  List items;
  const bool set = call.self.kind() == Kind::kSet;
  for (const auto& [key, value] : call.self.as_collection().entries) {
    items.push_back(Value::OfArray(List{key, set ? key : value}));
  }
  return call.Array(std::move(items));
}

constexpr std::string_view kChanges = "it changes the value; make a new one from an array of its entries";

constexpr Builtin kMapMethods[] = {
    {"clear", nullptr, kChanges},
    {"delete", nullptr, kChanges},
    {"entries", CollectionEntries},
    {"forEach", nullptr, "nothing can be changed by it; spread the map into an array"},
    {"get", MapGet},
    {"has", CollectionHas},
    {"keys", CollectionKeys},
    {"set", nullptr, kChanges},
    {"values", MapValues},
};
constexpr Builtin kSetMethods[] = {
    {"add", nullptr, kChanges},
    {"clear", nullptr, kChanges},
    {"delete", nullptr, kChanges},
    {"entries", CollectionEntries},
    {"forEach", nullptr, "nothing can be changed by it; spread the set into an array"},
    {"has", CollectionHas},
    {"keys", CollectionKeys},
    {"values", CollectionKeys},
};

Result<Value> ConstructCollection(const Call& call, Kind kind) {
  Collection collection;
  if (call.At(0).is_nullish()) return Value::OfCollection(kind, std::move(collection));
  ARROW_ASSIGN_OR_RAISE(const List items, call.run.ToList(call.At(0), call.range));
  for (const Value& item : items) {
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, 4 * sizeof(Value)));
    if (kind == Kind::kSet) {
      collection.Put(item, Value());
      continue;
    }
    if (item.kind() < Kind::kArray) return call.TypeError("new Map wants [key, value] pairs");
    ARROW_ASSIGN_OR_RAISE(const Value key, call.run.GetMember(item, u"0", call.range));
    ARROW_ASSIGN_OR_RAISE(Value value, call.run.GetMember(item, u"1", call.range));
    collection.Put(key, std::move(value));
  }
  return call.run.Checked(Value::OfCollection(kind, std::move(collection)), call.range);
}

}  // namespace

Builtins ObjectMethods() {
  return kMethods;
}
Builtins ObjectFunctions() {
  return kFunctions;
}
Builtins MapMethods() {
  return kMapMethods;
}
Builtins SetMethods() {
  return kSetMethods;
}

Result<Value> Construct(const Call& call, std::string_view name) {
  if (name == "Date") return ConstructDate(call);
  if (name == "RegExp") return ConstructRegex(call);
  if (name == "Map") return ConstructCollection(call, Kind::kMap);
  if (name == "Set") return ConstructCollection(call, Kind::kSet);
  if (name == "Object") return call.At(0).is_nullish() ? call.Object({}) : call.At(0);
  if (call.count() != 1 || !call.At(0).is_number()) {  // Array
    return call.Array(List(call.arguments.begin(), call.arguments.end()));
  }
  const double length = call.At(0).as_number();
  if (length < 0 || length > 4294967295.0 || length != std::floor(length))
    return call.TypeError("invalid array length");
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, static_cast<size_t>(length) * sizeof(Value)));
  return call.Array(List(static_cast<size_t>(length)));
}

}  // namespace firn::expression::javascript
