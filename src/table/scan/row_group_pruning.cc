#include "table/scan/row_group_pruning.h"

#include <parquet/metadata.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace firn::table {
namespace {

using schema::TypeId;

/// The index of the top-level leaf with that field id; nullopt if there is none, or more than one.
std::optional<int> LeafOf(const parquet::SchemaDescriptor& schema, int32_t field_id) {
  std::optional<int> found;
  for (int i = 0; i < schema.num_columns(); ++i) {
    const auto& leaf = schema.Column(i)->schema_node();
    if (leaf->field_id() != field_id || leaf->parent() != schema.group_node()) continue;
    if (found || leaf->is_repeated()) return std::nullopt;
    found = i;
  }
  return found;
}

bool IsTimestampIn(const parquet::LogicalType& logical, parquet::LogicalType::TimeUnit::unit unit) {
  return logical.is_timestamp() && static_cast<const parquet::TimestampLogicalType&>(logical).time_unit() == unit;
}

bool IsSigned(const parquet::LogicalType& logical) {
  return logical.is_none() || (logical.is_int() && static_cast<const parquet::IntLogicalType&>(logical).is_signed());
}

/// True if the values of the leaf, or values that promote to the type as they are, stand for values of the type.
bool Holds(const parquet::ColumnDescriptor& leaf, const schema::Type& type) {
  const parquet::LogicalType& logical = *leaf.logical_type();
  const parquet::Type::type physical = leaf.physical_type();
  switch (type.id) {
    case TypeId::kInt:
    case TypeId::kLong:
      return (physical == parquet::Type::INT32 || physical == parquet::Type::INT64) && IsSigned(logical);
    case TypeId::kFloat:
    case TypeId::kDouble:
      return physical == parquet::Type::FLOAT || physical == parquet::Type::DOUBLE;
    case TypeId::kDate:
      return logical.is_date();
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return IsTimestampIn(logical, parquet::LogicalType::TimeUnit::MICROS);
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return IsTimestampIn(logical, parquet::LogicalType::TimeUnit::NANOS);
    case TypeId::kString:
      return physical == parquet::Type::BYTE_ARRAY && (logical.is_string() || logical.is_none());
    case TypeId::kDecimal:
      return logical.is_decimal() && static_cast<const parquet::DecimalLogicalType&>(logical).scale() == type.scale;
    default:
      return false;
  }
}

/// Parquet's plain encoding is Iceberg's of single values but for decimals held as integers, which are little-endian.
std::optional<Literal> Bound(const parquet::ColumnDescriptor& leaf, const schema::TypePtr& type, std::string bytes) {
  const parquet::Type::type physical = leaf.physical_type();
  const bool integer = physical == parquet::Type::INT32 || physical == parquet::Type::INT64;
  if (type->id == TypeId::kDecimal && integer) std::reverse(bytes.begin(), bytes.end());
  auto literal = FromSingleValue(type, bytes);
  if (!literal.ok()) return std::nullopt;
  return std::move(literal).ValueUnsafe();
}

/// nullopt: nothing is known.
std::optional<ValueRange> RangeOf(const parquet::RowGroupMetaData& group, const Predicate& predicate) {
  const auto index = LeafOf(*group.schema(), predicate.field_id);
  if (!index) return std::nullopt;
  const auto chunk = group.ColumnChunk(*index);
  const auto statistics = chunk->encoded_statistics();
  if (statistics == nullptr) return std::nullopt;
  std::optional<ValueRange> known(std::in_place);
  ValueRange& range = *known;
  if (statistics->has_null_count) {
    range.may_have_null = statistics->null_count > 0;
    range.may_have_value = statistics->null_count < chunk->num_values();
  }
  const schema::TypePtr& type = predicate.value.type;
  const parquet::ColumnDescriptor& leaf = *group.schema()->Column(*index);
  if (type == nullptr || !Holds(leaf, *type)) return known;
  if (statistics->has_min) range.lower = Bound(leaf, type, statistics->min());
  if (statistics->has_max) range.upper = Bound(leaf, type, statistics->max());
  if (range.lower && range.upper && Compare(*range.lower, *range.upper) > 0) {
    range.lower.reset();
    range.upper.reset();
  }
  return known;
}

}  // namespace

std::function<bool(const RowGroup&)> ChooseRowGroups(std::vector<Predicate> predicates) {
  return [predicates = std::move(predicates)](const RowGroup& group) {
    return std::ranges::all_of(predicates, [&](const Predicate& predicate) {
      const auto range = RangeOf(*group.metadata, predicate);
      return !range || RangeMayMatch(*range, predicate.op, predicate.value);
    });
  };
}

}  // namespace firn::table
