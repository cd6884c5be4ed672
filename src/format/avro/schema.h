#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// Avro object container files (Avro 1.12.0 specification), in memory, with the attributes Iceberg adds to schemas.
namespace firn::format::avro {

enum class Kind {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kFixed,
  kEnum,
  kRecord,
  kArray,
  kMap,
  kUnion,
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct RecordField {
  std::string name;
  std::optional<int32_t> field_id;  // Iceberg's "field-id"
  NodePtr type;
};

/// One type of a parsed schema: immutable, shared. Never recursive.
struct Node {
  Kind kind = Kind::kNull;
  std::string name;                   // kRecord, kFixed, kEnum
  std::string logical_type;           // "decimal", "date", "map", …; empty if none
  int32_t precision = 0;              // decimal
  int32_t scale = 0;                  // decimal
  int32_t size = 0;                   // kFixed: bytes
  std::optional<int32_t> element_id;  // kArray: Iceberg's "element-id"
  std::vector<RecordField> fields;    // kRecord
  std::vector<NodePtr> branches;      // kUnion: its branches; kArray: {items}; kMap: {values}
  std::vector<std::string> symbols;   // kEnum
  int32_t height = 1;                 // levels of types below and with this one

  /// Index of the field with that Iceberg id, else of one that has no id and that name; -1 if there is none.
  int FindField(int32_t field_id, std::string_view field_name) const;
};

/// Parses a schema. Errors: kBadData for anything the specification does not allow, recursive types, or more than
/// 100,000 types when named ones are written out.
Result<NodePtr> ParseSchema(std::string_view json);

/// True if `type` is null, or a union with null in it.
bool IsOptional(const Node& type);
/// The one branch that is not null of an optional, else `type` itself. For unions of several such branches the first.
const Node& WithoutNull(const Node& type);

}  // namespace firn::format::avro
