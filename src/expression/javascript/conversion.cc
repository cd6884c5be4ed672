// ECMAScript's conversions: ToNumber, ToString, ToPropertyKey, and what spreading reads.
#include <cmath>
#include <limits>

#include "expression/javascript/builtins.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {

using Kind = Value::Kind;

Result<double> Evaluator::ToNumber(const Value& value, Range range) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return std::numeric_limits<double>::quiet_NaN();
    case Kind::kNull:
      return 0;
    case Kind::kBool:
      return value.as_bool() ? 1 : 0;
    case Kind::kNumber:
      return value.as_number();
    case Kind::kDate:
      return value.as_date();
    case Kind::kExact:
      return ExactNumber(range, "the number " + value.as_exact().substr(0, 40) +
                                    " of the data is beyond what JavaScript counts exactly; Number(x) rounds it");
    case Kind::kString:
      return TextToNumber(value.as_string());
    default: {
      ARROW_ASSIGN_OR_RAISE(const Value text, ToText(value, range));
      return TextToNumber(text.as_string());
    }
  }
}

Result<Value> Evaluator::ToText(const Value& value, Range range) {
  switch (value.kind()) {
    case Kind::kString:
      return value;
    case Kind::kNumber:
      return Value::String(NumberToText(value.as_number()));
    case Kind::kExact:
      return Value::Utf8(value.as_exact());
    case Kind::kBool:
      return Value::String(value.as_bool() ? u"true" : u"false");
    case Kind::kUndefined:
      return Value::String(u"undefined");
    case Kind::kNull:
      return Value::String(u"null");
    case Kind::kArray: {
      const Value comma = Value::String(u",");
      return FindBuiltin(ArrayMethods(), "join")
          ->run({.run = *this, .range = range, .self = value, .arguments = std::span(&comma, 1)});
    }
    case Kind::kDate: {
      ARROW_ASSIGN_OR_RAISE(std::u16string text, DateText(value.as_date(), scope_.zone));
      return Value::String(std::move(text));
    }
    case Kind::kRegex:
      return Value::String(u"/" + value.as_regex().source + u"/" + Widen(value.as_regex().flags));
    case Kind::kFunction:
      return Refused(range, "a function has no text here; call it");
    case Kind::kMap:
      return Value::String(u"[object Map]");
    case Kind::kSet:
      return Value::String(u"[object Set]");
    default:
      if (value.as_object().Find(u"toString") != nullptr || value.as_object().Find(u"valueOf") != nullptr) {
        return Refused(range, "an object's own toString and valueOf are not called; read the property that is meant");
      }
      return Value::String(u"[object Object]");
  }
}

Result<std::u16string> Evaluator::ToKey(const Value& value, Range range) {
  ARROW_ASSIGN_OR_RAISE(const Value text, ToText(value, range));
  return text.as_string();
}

Result<List> Evaluator::ToList(const Value& value, Range range) {
  List items;
  switch (value.kind()) {
    case Kind::kArray:
      ARROW_RETURN_NOT_OK(Spend(range, value.items().size() * sizeof(Value)));
      return value.items();
    case Kind::kString: {
      const std::u16string& text = value.as_string();
      ARROW_RETURN_NOT_OK(Spend(range, text.size() * 2 * sizeof(Value)));
      for (size_t at = 0; at < text.size();) {
        const size_t begin = at;
        NextCodePoint(text, &at);
        items.push_back(Value::String(text.substr(begin, at - begin)));
      }
      return items;
    }
    case Kind::kSet:
    case Kind::kMap:
      ARROW_RETURN_NOT_OK(Spend(range, value.as_collection().entries.size() * 2 * sizeof(Value)));
      for (const auto& [key, item] : value.as_collection().entries) {
        items.push_back(value.kind() == Kind::kSet ? key : Value::OfArray(List{key, item}));
      }
      return items;
    default:
      return Thrown(range, "this " + std::string(KindName(value)) + " is not iterable");
  }
}

std::vector<Object::Entry> OwnEntries(const Value& value) {
  std::vector<Object::Entry> entries;
  if (value.is_object()) return value.as_object().entries();
  if (value.is_array()) {
    const Array& array = value.as_array();
    for (size_t i = 0; i < array.items.size(); ++i) entries.emplace_back(Widen(std::to_string(i)), array.items[i]);
    if (array.extra.is_object()) {
      entries.insert(entries.end(), array.extra.as_object().entries().begin(), array.extra.as_object().entries().end());
    }
  } else if (value.is_string()) {
    const std::u16string& text = value.as_string();
    for (size_t i = 0; i < text.size(); ++i) {
      entries.emplace_back(Widen(std::to_string(i)), Value::String(text.substr(i, 1)));
    }
  }
  return entries;
}

std::string_view KindName(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "undefined";
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "boolean";
    case Kind::kNumber:
      return "number";
    case Kind::kExact:
      return "exact number";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kFunction:
      return "function";
    case Kind::kDate:
      return "date";
    case Kind::kRegex:
      return "regular expression";
    case Kind::kMap:
      return "map";
    case Kind::kSet:
      return "set";
    default:
      return "object";
  }
}

}  // namespace firn::expression::javascript
