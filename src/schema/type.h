#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// The logical types of firn: exactly those of the Iceberg specification, version 2 ("Schemas and Data Types").
/// A column's identity is its field id (DESIGN.md §5.5).
namespace firn::schema {

enum class TypeId {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,      // precision 1..38, scale 0..precision
  kDate,         // days since 1970-01-01
  kTime,         // microseconds of the day
  kTimestamp,    // microseconds, no zone
  kTimestampTz,  // microseconds, UTC
  kString,
  kUuid,
  kFixed,  // length in bytes
  kBinary,
  kStruct,
  kList,
  kMap,
};

struct Field;

/// An immutable type; shared freely between threads.
struct Type {
  TypeId id;
  int32_t precision = 0;        // kDecimal
  int32_t scale = 0;            // kDecimal
  int32_t length = 0;           // kFixed
  std::vector<Field> children;  // kStruct: its fields; kList: {"element"}; kMap: {"key", "value"}

  bool is_nested() const { return id == TypeId::kStruct || id == TypeId::kList || id == TypeId::kMap; }
};

using TypePtr = std::shared_ptr<const Type>;

struct Field {
  int32_t id = 0;  // 0: not assigned yet
  std::string name;
  TypePtr type;
  bool required = false;
  std::string doc;
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
TypePtr String();
TypePtr Uuid();
TypePtr Fixed(int32_t length);
TypePtr Binary();
TypePtr Struct(std::vector<Field> fields);
TypePtr List(Field element);          // the element's name is set to "element"
TypePtr Map(Field key, Field value);  // names set to "key" and "value", the key to required

/// True if both have the same shape, names, ids and nullability at every depth (docs are not compared).
bool Equals(const Type& a, const Type& b);
bool Equals(const Schema& a, const Schema& b);

/// Returns the Iceberg name of a primitive type ("long", "decimal(12, 2)", "fixed[16]") or "struct", "list", "map".
std::string ToString(const Type& type);
/// Parses the Iceberg name of a primitive type. Errors: kBadData.
Result<TypePtr> ParsePrimitive(std::string_view text);

/// True if `from` may become `to` by Iceberg v2 rules: int→long, float→double, decimal(p,s)→decimal(p2,s) with p2 > p.
bool CanPromote(const Type& from, const Type& to);

}  // namespace firn::schema
