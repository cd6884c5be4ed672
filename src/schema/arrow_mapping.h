#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "base/status.h"
#include "schema/type.h"

/// Logical types to Arrow types and back. One logical type has exactly one Arrow type:
/// boolean→bool, int→int32, long→int64, float→float32, double→float64, decimal→decimal128, date→date32,
/// time→time64[us], timestamp→timestamp[us], timestamptz→timestamp[us, UTC], the same with _ns→[ns], unknown and
/// variant→null, string→utf8, uuid→fixed_size_binary(16), fixed→fixed_size_binary(n), binary→binary, struct, list
/// ("element"), map ("key", "value").
namespace firn::schema {

/// The key of the field metadata that Parquet readers and writers use for the field id.
inline constexpr const char* kFieldIdKey = "PARQUET:field_id";

/// Returns the Arrow type; ids of nested fields travel as field metadata. Errors: none for a well-formed type.
std::shared_ptr<arrow::DataType> ToArrowType(const Type& type);
/// Returns the Arrow field, with "PARQUET:field_id" metadata at every level whose id is not 0. Nullable unless
/// required. A uuid carries the metadata "firn:type" = "uuid", because its Arrow type is that of fixed[16].
std::shared_ptr<arrow::Field> ToArrowField(const Field& field);
std::shared_ptr<arrow::Schema> ToArrowSchema(const Schema& schema);

/// The way back. Also reads the wider set that files of others hold: int8..int16, uint8..uint16 → int; uint32 → long;
/// large_utf8, utf8_view → string; large_binary → binary; any timestamp or time unit of at most microseconds;
/// decimal32/64 → decimal; large_list, fixed_size_list → list; dictionary → its value type.
/// Errors: kBadData naming the field for a type without an equal.
Result<TypePtr> FromArrowType(const arrow::DataType& type);
Result<Field> FromArrowField(const arrow::Field& field);
Result<Schema> FromArrowSchema(const arrow::Schema& schema);

}  // namespace firn::schema
