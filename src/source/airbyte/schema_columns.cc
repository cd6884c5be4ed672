#include "source/airbyte/schema_columns.h"

#include <string>
#include <utility>

namespace firn::source::airbyte {
namespace {

// The one type besides null; empty if there are several, or none.
std::string TypeOf(const Value& property) {
  const Value types = property.Find("type").value_or(Value());
  if (types.is_string()) return std::string(types.as_string());
  std::string only;
  for (const Value& type : types.is_list() ? types.as_list() : List()) {
    const std::string name = jinja::ToText(type);
    if (name == "null") continue;
    if (!only.empty()) return "";
    only = name;
  }
  return only;
}

std::string TextOf(const Value& property, std::string_view key) {
  const auto value = property.Find(key);
  return value && value->is_string() ? std::string(value->as_string()) : "";
}

// The name of the column's type; empty if rows have to tell.
std::string ColumnTypeOf(const std::string& type, const Value& property) {
  const std::string airbyte_type = TextOf(property, "airbyte_type");
  if (type == "boolean") return "boolean";
  if (type == "integer") return "long";
  if (type == "number") return airbyte_type == "integer" ? "long" : "double";
  if (type != "string") return "";
  const std::string format = TextOf(property, "format");
  if (format == "date") return "date";
  if (format == "date-time") return airbyte_type == "timestamp_without_timezone" ? "timestamp" : "timestamptz";
  return "string";
}

void AddColumns(const Value& object, const std::string& above, std::vector<DeclaredColumn>* out) {
  const auto properties = object.Find("properties");
  if (!properties || !properties->is_map()) return;
  for (const auto& [key, property] : properties->as_map()) {
    const std::string name = jinja::ToText(key);
    if (!property.is_map() || name.empty() || name == "*" || name.find('.') != std::string::npos) continue;
    const std::string path = above.empty() ? name : above + "." + name;
    const std::string type = TypeOf(property);
    if (type == "object") AddColumns(property, path, out);
    auto column_type = schema::ParsePrimitive(ColumnTypeOf(type, property));
    if (column_type.ok()) out->push_back({.path = path, .type = column_type.MoveValueUnsafe()});
  }
}

}  // namespace

std::vector<DeclaredColumn> ColumnsOfSchema(const Value& schema) {
  std::vector<DeclaredColumn> columns;
  AddColumns(schema, "", &columns);
  return columns;
}

}  // namespace firn::source::airbyte
