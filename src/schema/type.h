#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// The logical types of firn: those of the Iceberg specification, versions 2 and 3 ("Schemas and Data Types"), without
/// geometry and geography.
/// A column's identity is its field id (DESIGN.md §5.5).
namespace firn::schema {

enum class TypeId {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,        // precision 1..38, scale 0..precision
  kDate,           // days since 1970-01-01
  kTime,           // microseconds of the day
  kTimestamp,      // microseconds, no zone
  kTimestampTz,    // microseconds, UTC
  kTimestampNs,    // nanoseconds, no zone (version 3)
  kTimestampTzNs,  // nanoseconds, UTC (version 3)
  kString,
  kUuid,
  kFixed,  // length in bytes
  kBinary,
  kStruct,
  kList,
  kMap,
  kUnknown,  // only nulls (version 3); no file has such a column
  kVariant,  // version 3; carried in schemas; its values are neither read nor written (table/commit/writable.h)
};

struct Field;

/// An immutable type; shared freely between threads.
struct Type {
  TypeId id;
  int32_t precision = 0;        // kDecimal
  int32_t scale = 0;            // kDecimal
  int32_t length = 0;           // kFixed
  std::vector<Field> children;  // kStruct: its fields; kList: {"element"}; kMap: {"key", "value"}

  /// True for types whose values have a binary form of their own (bounds, partitions, keys).
  bool is_primitive() const { return id < TypeId::kStruct; }
  /// True if data files have columns of it.
  bool is_stored() const { return id != TypeId::kUnknown && id != TypeId::kVariant; }
  bool is_nested() const { return id == TypeId::kStruct || id == TypeId::kList || id == TypeId::kMap; }
};

using TypePtr = std::shared_ptr<const Type>;

struct Field {
  int32_t id = 0;  // 0: not assigned yet
  std::string name;
  TypePtr type;
  bool required = false;
  std::string doc;
  /// Defaults of Iceberg v3 as JSON text (spec, "JSON single-value serialization"), empty: none. `initial_default`: the
  /// value of rows in files without the column; `write_default`: of new rows that do not say.
  std::string initial_default = {};
  std::string write_default = {};
};

/// A table schema: the row is a struct. `schema_id` is the Iceberg schema id.
struct Schema {
  int32_t schema_id = 0;
  std::vector<Field> fields;
  std::vector<int32_t> identifier_field_ids;

  /// Returns the top-level field of that exact name, or null. Borrowed from the schema.
  const Field* Find(std::string_view name) const;
  /// Returns the field of that id at any depth, or null. Borrowed from the schema.
  const Field* FindById(int32_t id) const;
  /// Returns the largest field id at any depth, 0 if there is none.
  int32_t MaxFieldId() const;
};

TypePtr Boolean();
TypePtr Int();
TypePtr Long();
TypePtr Float();
TypePtr Double();
TypePtr Decimal(int32_t precision, int32_t scale);
TypePtr Date();
TypePtr Time();
TypePtr Timestamp();
TypePtr TimestampTz();
TypePtr TimestampNs();
TypePtr TimestampTzNs();
TypePtr String();
TypePtr Uuid();
TypePtr Fixed(int32_t length);
TypePtr Binary();
TypePtr Unknown();
TypePtr Variant();
TypePtr Struct(std::vector<Field> fields);
TypePtr List(Field element);          // the element's name is set to "element"
TypePtr Map(Field key, Field value);  // names set to "key" and "value", the key to required

/// Returns the schema that data files have: without columns, and fields of structs, whose type is not stored.
Schema StoredColumns(const Schema& schema);

/// True if both have the same shape, names, ids and nullability at every depth (docs are not compared).
bool Equals(const Type& a, const Type& b);
bool Equals(const Schema& a, const Schema& b);

/// Returns the Iceberg name of a primitive type ("long", "decimal(12, 2)", "fixed[16]") or "struct", "list", "map".
std::string ToString(const Type& type);
/// Parses the Iceberg name of a type that is not nested. Errors: kBadData.
Result<TypePtr> ParsePrimitive(std::string_view text);

/// The least format version whose tables may have columns of the type, at any depth: 2 or 3.
int32_t FormatVersionOf(const Type& type);

/// True if `from` may become `to` by Iceberg v2 rules: int→long, float→double, decimal(p,s)→decimal(p2,s) with p2 > p.
bool CanPromote(const Type& from, const Type& to);
/// By the rules of a format version: from 3 on also unknown→anything and date→timestamp or timestamp_ns.
bool CanPromote(const Type& from, const Type& to, int32_t format_version);

}  // namespace firn::schema
