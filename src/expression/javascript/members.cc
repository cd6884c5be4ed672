// object.name and object[key].
#include <algorithm>
#include <cmath>

#include "expression/javascript/builtins.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Value::Kind;

Builtins MethodsOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return StringMethods();
    case Kind::kArray:
      return ArrayMethods();
    case Kind::kNumber:
    case Kind::kExact:
      return NumberMethods();
    case Kind::kDate:
      return DateMethods();
    case Kind::kRegex:
      return RegexMethods();
    case Kind::kMap:
      return MapMethods();
    case Kind::kSet:
      return SetMethods();
    case Kind::kFunction:
      return value.as_function().builtin == nullptr ? Builtins() : value.as_function().builtin->members;
    default:
      return ObjectMethods();
  }
}

// Names that reach the machinery behind a value. As keys of the data they are like any other.
bool IsHidden(std::u16string_view key) {
  return key == u"__proto__" || key == u"constructor" || key == u"prototype" || key.starts_with(u"__define") ||
         key.starts_with(u"__lookup");
}

std::optional<Value> RegexProperty(const RegexObject& regex, std::u16string_view key) {
  if (key == u"source") return Value::String(regex.source);
  if (key == u"flags") return Value::Utf8(regex.flags);
  if (key == u"lastIndex") return Value::Number(0);
  if (key == u"global") return Value::Bool(regex.Has('g'));
  if (key == u"ignoreCase") return Value::Bool(regex.Has('i'));
  if (key == u"multiline") return Value::Bool(regex.Has('m'));
  if (key == u"dotAll") return Value::Bool(regex.Has('s'));
  if (key == u"unicode") return Value::Bool(regex.Has('u'));
  if (key == u"sticky") return Value::Bool(regex.Has('y'));
  return std::nullopt;
}

// What is no method: own properties, lengths, constants.
std::optional<Value> OwnProperty(const Value& object, std::u16string_view key) {
  const auto count = [](size_t size) { return Value::Number(static_cast<double>(size)); };
  switch (object.kind()) {
    case Kind::kObject: {
      const Value* found = object.as_object().Find(key);
      return found == nullptr ? std::nullopt : std::optional(*found);
    }
    case Kind::kString: {
      if (key == u"length") return count(object.as_string().size());
      const int64_t index = ArrayIndex(key);
      if (index < 0 || index >= static_cast<int64_t>(object.as_string().size())) return std::nullopt;
      return Value::String(object.as_string().substr(static_cast<size_t>(index), 1));
    }
    case Kind::kArray: {
      if (key == u"length") return count(object.items().size());
      const int64_t index = ArrayIndex(key);
      if (index >= 0 && index < static_cast<int64_t>(object.items().size())) {
        return object.items()[static_cast<size_t>(index)];
      }
      const Value& extra = object.as_array().extra;
      return extra.is_object() ? OwnProperty(extra, key) : std::nullopt;
    }
    case Kind::kMap:
    case Kind::kSet:
      if (key == u"size") return count(object.as_collection().entries.size());
      return std::nullopt;
    case Kind::kRegex:
      return RegexProperty(object.as_regex(), key);
    case Kind::kFunction: {
      const Builtin* builtin = object.as_function().builtin;
      if (builtin == nullptr) return std::nullopt;
      for (const Constant& constant : builtin->constants) {
        if (Widen(constant.name) == key) return Value::Number(constant.value);
      }
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

const Builtin* FindBuiltin(Builtins table, std::string_view name) {
  const auto found = std::lower_bound(table.begin(), table.end(), name,
                                      [](const Builtin& one, std::string_view text) { return one.name < text; });
  return found != table.end() && found->name == name ? &*found : nullptr;
}

bool IsNamespace(const Function& function) {
  return function.builtin != nullptr && function.builtin->run == nullptr && !function.builtin->members.empty();
}

std::vector<std::string> MethodNames(const Value& value) {
  std::vector<std::string> names;
  for (const Builtin& method : MethodsOf(value)) names.emplace_back(method.name);
  return names;
}

Result<Evaluator::Member> Evaluator::FindMember(const Value& object, std::u16string_view key, Range range) {
  if (object.is_nullish()) {
    return Thrown(range, "cannot read '" + ToUtf8(key) + "' of " + std::string(KindName(object)) + "; ?. allows that");
  }
  if (auto own = OwnProperty(object, key)) return Member{.value = std::move(*own)};
  const std::string name = ToUtf8(key);
  if (const Builtin* method = FindBuiltin(MethodsOf(object), name)) return Member{.method = method};
  if (const Builtin* method = FindBuiltin(ObjectMethods(), name)) return Member{.method = method};
  if (IsHidden(key)) return Refused(range, "'" + name + "' reaches behind the value");
  return Member{};
}

Result<Value> Evaluator::GetMember(const Value& object, std::u16string_view key, Range range) {
  ARROW_ASSIGN_OR_RAISE(Member member, FindMember(object, key, range));
  if (member.method == nullptr) return std::move(member.value);
  Function function;
  function.builtin = member.method;
  function.receiver = object;
  return Checked(Value::OfFunction(std::move(function)), range);
}

Result<Value> Evaluator::GetIndex(const Value& object, const Value& key, Range range) {
  if (object.is_array() && key.is_number()) {  // the common case, without a text
    const double index = key.as_number();
    if (index >= 0 && index < static_cast<double>(object.items().size()) && index == std::floor(index)) {
      return object.items()[static_cast<size_t>(index)];
    }
  }
  ARROW_ASSIGN_OR_RAISE(const std::u16string name, ToKey(key, range));
  return GetMember(object, name, range);
}

}  // namespace firn::expression::javascript
