#include "query/sql_text.h"

#include <algorithm>

#include "query/sql_tokens.h"

namespace firn::query {
namespace {

std::string Quote(std::string_view text, char mark) {
  std::string out(1, mark);
  for (const char c : text) {
    if (c == mark) out += mark;
    out += c;
  }
  return out += mark;
}

}  // namespace

std::string QuoteName(std::string_view name) {
  return Quote(name, '"');
}

std::string QuoteText(std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return Quote(text, '\'');
  const size_t at = text.find('\0');
  return "(" + Quote(text.substr(0, at), '\'') + " || chr(0) || " + QuoteText(text.substr(at + 1)) + ")";
}

std::string SqlType(const schema::Type& type) {
  using schema::TypeId;
  switch (type.id) {
    case TypeId::kBoolean:
      return "BOOLEAN";
    case TypeId::kInt:
      return "INTEGER";
    case TypeId::kLong:
      return "BIGINT";
    case TypeId::kFloat:
      return "FLOAT";
    case TypeId::kDouble:
      return "DOUBLE";
    case TypeId::kDecimal:
      return "DECIMAL(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
    case TypeId::kDate:
      return "DATE";
    case TypeId::kTime:
      return "TIME";
    case TypeId::kTimestamp:
      return "TIMESTAMP";
    case TypeId::kTimestampTz:
      return "TIMESTAMP WITH TIME ZONE";
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:  // DuckDB has no such type with a zone: it is the time in UTC
      return "TIMESTAMP_NS";
    case TypeId::kString:
      return "VARCHAR";
    case TypeId::kUuid:
      return "UUID";
    case TypeId::kFixed:
    case TypeId::kBinary:
      return "BLOB";
    case TypeId::kList:
      return SqlType(*type.children[0].type) + "[]";
    case TypeId::kMap:
      return "MAP(" + SqlType(*type.children[0].type) + ", " + SqlType(*type.children[1].type) + ")";
    case TypeId::kUnknown:
    case TypeId::kVariant:
      return "INTEGER";  // only nulls are read
    case TypeId::kStruct:
      break;
  }
  std::string fields;
  for (const auto& field : type.children) {
    fields += (fields.empty() ? "" : ", ") + QuoteName(field.name) + " " + SqlType(*field.type);
  }
  return "STRUCT(" + fields + ")";
}

std::string RowColumnName(const schema::Schema& schema) {
  std::string name = "firn_row";
  while (std::ranges::any_of(schema.fields, [&](const auto& field) { return LowerName(field.name) == name; })) {
    name += '_';
  }
  return name;
}

}  // namespace firn::query
