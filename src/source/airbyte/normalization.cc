#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "expression/jinja/number.h"
#include "source/airbyte/transformations.h"

namespace firn::source::airbyte {
namespace {

constexpr std::string_view kTrueTexts[] = {"y", "yes", "t", "true", "on", "1"};
constexpr std::string_view kFalseTexts[] = {"n", "no", "f", "false", "off", "0"};
constexpr std::string_view kSimpleTypes[] = {"string", "number", "integer", "boolean", "null"};

std::string Trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t\n\r\f\v"), text.size());
  const size_t end = text.find_last_not_of(" \t\n\r\f\v");
  return begin >= text.size() ? "" : std::string(text.substr(begin, end - begin + 1));
}

bool IsNumber(const Value& value) {
  return value.kind() == Value::Kind::kBool || value.kind() == Value::Kind::kInt ||
         value.kind() == Value::Kind::kBigInt || value.kind() == Value::Kind::kFloat;
}

std::optional<Value> AsNumber(const Value& value) {
  if (value.is_string()) {
    const auto number = jinja::ReadFloat(value.as_string());
    return number.ok() ? std::optional<Value>(Value::Float(*number)) : std::nullopt;
  }
  if (!IsNumber(value)) return std::nullopt;
  const auto number = jinja::ToDouble(value);
  return number.ok() ? std::optional<Value>(Value::Float(*number)) : std::nullopt;
}

std::optional<Value> AsInteger(const Value& value) {
  if (!value.is_string() && !IsNumber(value)) return std::nullopt;
  const auto number = value.is_string() ? jinja::ReadInteger(value.as_string()) : jinja::Truncate(value);
  return number.ok() ? std::optional<Value>(*number) : std::nullopt;
}

std::optional<Value> AsBoolean(const Value& value) {
  if (!value.is_string()) return Value::Bool(jinja::Truthy(value));
  const std::string text = Trimmed(AsciiLower(value.as_string()));
  if (std::find(std::begin(kTrueTexts), std::end(kTrueTexts), text) != std::end(kTrueTexts)) return Value::Bool(true);
  if (std::find(std::begin(kFalseTexts), std::end(kFalseTexts), text) != std::end(kFalseTexts))
    return Value::Bool(false);
  return std::nullopt;
}

// A scalar where a list of scalars is wanted becomes a list of one.
std::optional<Value> AsArray(const Value& value, const Value& schema) {
  if (value.is_list() || value.is_map()) return std::nullopt;
  const Value items = schema.Find("items").value_or(EmptyMap());
  const Value types = items.Find("type").value_or(Value::OfList({}));
  if (!types.is_list()) return std::nullopt;
  for (const Value& type : types.as_list()) {
    const std::string name = jinja::ToText(type);
    if (std::find(std::begin(kSimpleTypes), std::end(kSimpleTypes), name) == std::end(kSimpleTypes))
      return std::nullopt;
  }
  return Value::OfList({value});
}

Value Cast(const Value& value, const Value& schema) {
  Value type = schema.Find("type").value_or(Value::OfList({}));
  if (type.is_list()) {
    std::vector<std::string> names;
    bool nullable = false;
    for (const Value& name : type.as_list()) {
      if (name.is_string() && name.as_string() == "null") {
        nullable = true;
      } else {
        names.push_back(jinja::ToText(name));
      }
    }
    if ((value.is_null() && nullable) || names.size() != 1) return value;
    type = Value::String(names.front());
  } else if (value.is_null() && type.is_string() && type.as_string() == "null") {
    return value;
  }
  const std::string name = jinja::ToText(type);
  std::optional<Value> cast;
  if (name == "string") cast = Value::String(jinja::ToText(value));
  if (name == "number") cast = AsNumber(value);
  if (name == "integer") cast = AsInteger(value);
  if (name == "boolean") cast = AsBoolean(value);
  if (name == "array") cast = AsArray(value, schema);
  return cast.value_or(value);
}

}  // namespace

Value NormalizeBySchema(const Value& record, const Value& schema) {
  if (record.is_map()) {
    const auto properties = schema.Find("properties");
    if (!properties || !properties->is_map()) return record;
    Entries entries = record.as_map();
    for (auto& [key, value] : entries) {
      const auto inner = properties->Find(jinja::ToText(key));
      if (inner && inner->is_map()) value = NormalizeBySchema(Cast(value, *inner), *inner);
    }
    return Value::OfMap(std::move(entries));
  }
  if (!record.is_list()) return record;
  const auto items = schema.Find("items");
  if (!items || !items->is_map()) return record;
  List list = record.as_list();
  for (Value& item : list) item = NormalizeBySchema(Cast(item, *items), *items);
  return Value::OfList(std::move(list));
}

}  // namespace firn::source::airbyte
