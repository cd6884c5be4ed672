#include "query/duckdb_type.h"

#include "query/sql_text.h"

namespace firn::query {
namespace {

// Names of the types that Arrow holds as they are; null for all others.
const char* ExactName(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
      return "BOOLEAN";
    case DUCKDB_TYPE_TINYINT:
      return "TINYINT";
    case DUCKDB_TYPE_SMALLINT:
      return "SMALLINT";
    case DUCKDB_TYPE_INTEGER:
      return "INTEGER";
    case DUCKDB_TYPE_BIGINT:
      return "BIGINT";
    case DUCKDB_TYPE_UTINYINT:
      return "UTINYINT";
    case DUCKDB_TYPE_USMALLINT:
      return "USMALLINT";
    case DUCKDB_TYPE_UINTEGER:
      return "UINTEGER";
    case DUCKDB_TYPE_UBIGINT:
      return "UBIGINT";
    case DUCKDB_TYPE_HUGEINT:
      return "HUGEINT";
    case DUCKDB_TYPE_FLOAT:
      return "FLOAT";
    case DUCKDB_TYPE_DOUBLE:
      return "DOUBLE";
    case DUCKDB_TYPE_DATE:
      return "DATE";
    case DUCKDB_TYPE_TIME:
      return "TIME";
    case DUCKDB_TYPE_TIMESTAMP:
      return "TIMESTAMP";
    case DUCKDB_TYPE_TIMESTAMP_S:
      return "TIMESTAMP_S";
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return "TIMESTAMP_MS";
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return "TIMESTAMP_NS";
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return "TIMESTAMP WITH TIME ZONE";
    case DUCKDB_TYPE_VARCHAR:
      return "VARCHAR";
    case DUCKDB_TYPE_BLOB:
      return "BLOB";
    case DUCKDB_TYPE_UUID:
      return "UUID";
    case DUCKDB_TYPE_SQLNULL:
      return "INTEGER";
    default:
      return nullptr;
  }
}

ExactType Take(const DuckdbLibrary& duckdb, duckdb_logical_type type) {
  ExactType exact = MakeExactType(duckdb, type);
  duckdb.destroy_logical_type(&type);
  return exact;
}

ExactType StructOf(const DuckdbLibrary& duckdb, duckdb_logical_type type) {
  ExactType exact;
  for (idx_t i = 0; i < duckdb.struct_type_child_count(type); ++i) {
    const ExactType child = Take(duckdb, duckdb.struct_type_child_type(type, i));
    char* name = duckdb.struct_type_child_name(type, i);
    // Fields of row(1, 2) have no name; such a struct is only cast as a whole.
    if (*name == '\0' && child.changed) exact.sql = "VARCHAR";
    if (exact.sql != "VARCHAR") exact.sql += (i == 0 ? "" : ", ") + QuoteName(name) + " " + child.sql;
    exact.changed |= child.changed;
    duckdb.free(name);
  }
  if (exact.sql != "VARCHAR") exact.sql = "STRUCT(" + exact.sql + ")";
  return exact;
}

}  // namespace

ExactType MakeExactType(const DuckdbLibrary& duckdb, duckdb_logical_type type) {
  const duckdb_type id = duckdb.get_type_id(type);
  if (const char* name = ExactName(id)) return {.sql = name};
  switch (id) {
    case DUCKDB_TYPE_DECIMAL:
      return {.sql = "DECIMAL(" + std::to_string(duckdb.decimal_width(type)) + "," +
                     std::to_string(duckdb.decimal_scale(type)) + ")"};
    case DUCKDB_TYPE_LIST: {
      const ExactType child = Take(duckdb, duckdb.list_type_child_type(type));
      return {.sql = child.sql + "[]", .changed = child.changed};
    }
    case DUCKDB_TYPE_ARRAY: {
      const ExactType child = Take(duckdb, duckdb.array_type_child_type(type));
      return {.sql = child.sql + "[" + std::to_string(duckdb.array_type_array_size(type)) + "]",
              .changed = child.changed};
    }
    case DUCKDB_TYPE_MAP: {
      const ExactType key = Take(duckdb, duckdb.map_type_key_type(type));
      const ExactType value = Take(duckdb, duckdb.map_type_value_type(type));
      return {.sql = "MAP(" + key.sql + ", " + value.sql + ")", .changed = key.changed || value.changed};
    }
    case DUCKDB_TYPE_STRUCT:
      return StructOf(duckdb, type);
    default:
      return {.sql = "VARCHAR", .changed = true};
  }
}

}  // namespace firn::query
