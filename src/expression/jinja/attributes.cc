// obj.name, obj[key] and calls, by the rules of Jinja's sandbox: attributes of Python's types, then items, then
// nothing.
#include <algorithm>

#include "expression/jinja/builtins.h"
#include "expression/jinja/evaluator.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

using ValueKind = Value::Kind;

// Attributes that Python gives to every object. The sandbox hides them.
bool IsInternalName(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "__class__", "__delattr__",      "__dir__",    "__doc__",  "__eq__",           "__format__",
      "__ge__",    "__getattribute__", "__gt__",     "__hash__", "__init__",         "__init_subclass__",
      "__le__",    "__lt__",           "__ne__",     "__new__",  "__reduce__",       "__reduce_ex__",
      "__repr__",  "__setattr__",      "__sizeof__", "__str__",  "__subclasshook__", "__getstate__"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Those that Python's containers and texts have besides.
bool IsContainerName(std::string_view name) {
  constexpr std::string_view kNames[] = {"__len__",     "__getitem__", "__iter__",     "__contains__",
                                         "__setitem__", "__add__",     "__mul__",      "__rmul__",
                                         "__mod__",     "__or__",      "__reversed__", "__class_getitem__"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Value Bound(const Value& receiver, std::string_view name) {
  Value method = NewInternal(InternalObject::Type::kMethod, std::string(name));
  ValueAccess::InternalOf(method).receiver = receiver;
  return method;
}

std::optional<Value> TimeProperty(const Value& value, std::string_view name) {
  const bool date = value.kind() == ValueKind::kDate;
  const CivilTime civil = CivilOf({.micros = date ? value.as_days() * kMicrosPerDay : value.as_wall().micros});
  if (name == "year") return Value::Int(civil.year);
  if (name == "month") return Value::Int(civil.month);
  if (name == "day") return Value::Int(civil.day);
  if (date) return std::nullopt;
  if (name == "hour") return Value::Int(civil.hour);
  if (name == "minute") return Value::Int(civil.minute);
  if (name == "second") return Value::Int(civil.second);
  if (name == "microsecond") return Value::Int(civil.micros);
  if (name == "fold") return Value::Int(0);
  if (name == "tzinfo")
    return value.offset_seconds() ? Value::String(FormatTime({}, value.offset_seconds(), "%Z")) : Value::Null();
  return std::nullopt;
}

std::optional<Value> SpanProperty(const Value& value, std::string_view name) {
  const bool calendar = value.kind() == ValueKind::kDuration;
  if (calendar && name == "years") return Value::Int(value.as_duration().years);
  if (calendar && name == "months") return Value::Int(value.as_duration().months);
  const TimedeltaParts parts = PartsOf(calendar ? value.as_duration().micros : value.as_micros());
  if (name == "days") return Value::Int(parts.days);
  if (name == "seconds") return Value::Int(parts.seconds);
  if (name == "microseconds") return Value::Int(parts.micros);
  return std::nullopt;
}

std::optional<Value> NumberProperty(const Value& value, std::string_view name) {
  const bool real = value.kind() == ValueKind::kFloat;
  if (name == "real") return value.kind() == ValueKind::kBool ? Value::Int(value.as_int()) : value;
  if (name == "imag") return real ? Value::Float(0) : Value::Int(0);
  if (!real && name == "numerator") return value.kind() == ValueKind::kBool ? Value::Int(value.as_int()) : value;
  if (!real && name == "denominator") return Value::Int(1);
  return std::nullopt;
}

// What Python's getattr finds, or nullopt for its AttributeError.
std::optional<Value> Property(const Value& object, std::string_view name) {
  const auto method = [&](const Method* found) {
    return found == nullptr ? std::nullopt : std::optional(Bound(object, name));
  };
  switch (object.kind()) {
    case ValueKind::kString:
      return method(FindStringMethod(name));
    case ValueKind::kList:
      return method(FindListMethod(name));
    case ValueKind::kTuple:
      return method(FindTupleMethod(name));
    case ValueKind::kMap: {
      const Value& attributes = ValueAccess::MapOf(object).attributes;
      if (const auto found = attributes.Find(name)) return found;
      return method(FindMapMethod(name));
    }
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kBigInt:
    case ValueKind::kFloat:
      if (const auto property = NumberProperty(object, name)) return property;
      return method(FindNumberMethod(object, name));
    case ValueKind::kDatetime:
    case ValueKind::kDate:
      if (const auto property = TimeProperty(object, name)) return property;
      return method(FindTimeMethod(object, name));
    case ValueKind::kTimedelta:
    case ValueKind::kDuration:
      if (const auto property = SpanProperty(object, name)) return property;
      return method(FindTimeMethod(object, name));
    case ValueKind::kInternal:
      if (IsInternal(object, InternalObject::Type::kNamespace) || IsInternal(object, InternalObject::Type::kLoop)) {
        if (const auto found = ValueAccess::InternalOf(object).receiver.Find(name)) return found;
      }
      return method(FindInternalMethod(object, name));
    default:
      return std::nullopt;
  }
}

// What Python's obj[key] finds, or nullopt for TypeError and LookupError.
std::optional<Value> Item(const Value& object, const Value& key) {
  if (object.is_map()) {
    if (key.is_string()) return object.Find(key.as_string());
    if (!Hashable(key)) return std::nullopt;
    const Value* found = FindEntry(object.as_map(), key);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  if (key.kind() != ValueKind::kInt && key.kind() != ValueKind::kBool) return std::nullopt;
  if (IsSequence(object)) {
    const List& items = object.as_list();
    const int64_t at = key.as_int() + (key.as_int() < 0 ? static_cast<int64_t>(items.size()) : 0);
    if (at < 0 || at >= static_cast<int64_t>(items.size())) return std::nullopt;
    return items[static_cast<size_t>(at)];
  }
  if (object.is_string()) {
    const std::u32string codes = Decode(object.as_string());
    const int64_t at = key.as_int() + (key.as_int() < 0 ? static_cast<int64_t>(codes.size()) : 0);
    if (at < 0 || at >= static_cast<int64_t>(codes.size())) return std::nullopt;
    std::string character;
    AppendCodePoint(codes[static_cast<size_t>(at)], &character);
    return IsMarkup(object) ? MakeMarkup(std::move(character)) : MakeString(std::move(character));
  }
  if (object.kind() == ValueKind::kBytes) {
    const std::string_view bytes = object.as_string();
    const int64_t at = key.as_int() + (key.as_int() < 0 ? static_cast<int64_t>(bytes.size()) : 0);
    if (at < 0 || at >= static_cast<int64_t>(bytes.size())) return std::nullopt;
    return Value::Int(static_cast<unsigned char>(bytes[static_cast<size_t>(at)]));
  }
  return std::nullopt;
}

bool IsHidden(const Value& object, std::string_view name) {
  if (name.substr(0, 2) != "__") return false;
  const bool container = object.is_string() || object.is_map() || IsSequence(object);
  return IsInternalName(name) || (container && IsContainerName(name));
}

const Method* MethodOf(const Value& receiver, std::string_view name) {
  switch (receiver.kind()) {
    case ValueKind::kString:
      return FindStringMethod(name);
    case ValueKind::kList:
      return FindListMethod(name);
    case ValueKind::kTuple:
      return FindTupleMethod(name);
    case ValueKind::kMap:
      return FindMapMethod(name);
    case ValueKind::kDatetime:
    case ValueKind::kDate:
    case ValueKind::kTimedelta:
    case ValueKind::kDuration:
      return FindTimeMethod(receiver, name);
    case ValueKind::kInternal:
      return FindInternalMethod(receiver, name);
    default:
      return FindNumberMethod(receiver, name);
  }
}

}  // namespace

Result<Value> Evaluator::GetAttribute(const Value& object, std::string_view name, const Node& node) {
  if (object.is_undefined()) return UndefinedError(object, node.range);
  if (IsHidden(object, name)) return ValueAccess::With(MakeUndefined(node), ValueAccess::kUnsafeBit);
  if (auto property = Property(object, name)) return *std::move(property);
  if (object.is_map()) {
    if (auto item = object.Find(name)) {
      secret_ = secret_ || item->secret();
      return *std::move(item);
    }
  }
  return MakeUndefined(node);
}

Result<Value> Evaluator::GetItem(const Value& object, const Value& key, const Node& node) {
  if (object.is_undefined()) return UndefinedError(object, node.range);
  if (auto item = Item(object, key)) {
    secret_ = secret_ || item->secret();
    return *std::move(item);
  }
  if (!key.is_string()) return MakeUndefined(node);
  if (IsHidden(object, key.as_string())) return ValueAccess::With(MakeUndefined(node), ValueAccess::kUnsafeBit);
  if (auto property = Property(object, key.as_string())) return *std::move(property);
  return MakeUndefined(node);
}

Result<Value> Evaluator::CallValue(const Value& callee, const Node& node, Arguments arguments) {
  if (callee.is_undefined()) return UndefinedError(callee, node.range);
  const Method* method = nullptr;
  const Value* receiver = &callee;
  if (IsInternal(callee, InternalObject::Type::kMethod)) {
    receiver = &ValueAccess::InternalOf(callee).receiver;
    method = MethodOf(*receiver, ValueAccess::InternalOf(callee).name);
  } else if (IsInternal(callee, InternalObject::Type::kFunction)) {
    method = FindGlobal(ValueAccess::InternalOf(callee).name);
  }
  if (method == nullptr) {
    return Raise(Raised::kType, node.range, "'" + std::string(TypeName(callee)) + "' object is not callable");
  }
  if (method->run == nullptr) {
    return Raise(Raised::kOther, node.range, "method '" + std::string(method->name) + "' is not supported");
  }
  return method->run({*this, node, *receiver, arguments});
}

Result<Value> Evaluator::EvalCall(const Node& node) {
  const Node& callee = program_.At(node.children[0]);
  Value storage;
  const Method* method = nullptr;
  const Value* receiver = &storage;
  Value value;
  if (callee.kind == Node::Kind::kAttribute) {
    ARROW_ASSIGN_OR_RAISE(receiver, Peek(callee.children[0], &storage));
    const bool shadowed = receiver->is_map() && ValueAccess::MapOf(*receiver).attributes.Find(callee.name).has_value();
    if (!receiver->is_undefined() && !shadowed) method = MethodOf(*receiver, callee.name);
    if (method == nullptr) {
      ARROW_ASSIGN_OR_RAISE(value, GetAttribute(*receiver, callee.name, callee));
    }
  } else if (callee.kind == Node::Kind::kName && places_[static_cast<size_t>(callee.slot)] == UINT16_MAX &&
             locals_.empty()) {
    method = FindGlobal(callee.name);
  }
  if (method == nullptr && callee.kind != Node::Kind::kAttribute) {
    ARROW_ASSIGN_OR_RAISE(value, Eval(node.children[0]));
  }
  if (method == nullptr) {
    if (IsInternal(value, InternalObject::Type::kMethod)) {
      storage = ValueAccess::InternalOf(value).receiver;
      receiver = &storage;
      method = MethodOf(storage, ValueAccess::InternalOf(value).name);
    } else if (IsInternal(value, InternalObject::Type::kFunction)) {
      method = FindGlobal(ValueAccess::InternalOf(value).name);
    }
  }
  if (method == nullptr) {
    Arguments ignored;
    ARROW_RETURN_NOT_OK(EvalAll(std::span(node.children).subspan(1)).status());
    return CallValue(value, node, std::move(ignored));
  }
  if (method->run == nullptr) {
    return Raise(Raised::kOther, node.range, "method '" + std::string(method->name) + "' is not supported");
  }
  // A receiver that lies in a list or map may move while the arguments are evaluated; hold it.
  const Value held = *receiver;
  Arguments arguments;
  ARROW_RETURN_NOT_OK(Bind(node, method->signature, &arguments));
  return method->run({*this, node, held, arguments});
}

}  // namespace firn::expression::jinja
