#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/type.h"

/// Partition transforms and specs (Iceberg spec, "Partitioning"). Parsing, printing and result types only; applying a
/// transform to values lives in table/write.
namespace firn::table {

/// Partition field ids start above this value in every table.
inline constexpr int32_t kPartitionFieldIdBase = 999;

struct Transform {
  enum class Kind { kIdentity, kBucket, kTruncate, kYear, kMonth, kDay, kHour, kVoid, kUnknown };
  Kind kind = Kind::kIdentity;
  int32_t parameter = 0;     // kBucket: number of buckets; kTruncate: width; else 0
  std::string unknown_name;  // kUnknown: the text as read; readers ignore such a field, writers refuse it

  friend bool operator==(const Transform&, const Transform&) = default;
};

/// Parses "identity", "bucket[16]", "truncate[4]", "year" …. Any other text becomes kUnknown.
/// Errors: kBadData for a bucket or truncate parameter that is no positive int.
Result<Transform> ParseTransform(std::string_view text);
std::string ToString(const Transform& transform);

/// Returns the type a transform yields: identity/truncate/void the source type; bucket, year, month, hour int; day
/// date; unknown string. Errors: kConfig if the transform is not defined for `source` (nested types, day of a string
/// …).
Result<schema::TypePtr> ResultType(const Transform& transform, const schema::TypePtr& source);

struct PartitionField {
  int32_t source_id = 0;
  int32_t field_id = 0;  // from 1000, unique over all specs of a table; 0 = to be assigned by add-spec
  std::string name;
  Transform transform;

  friend bool operator==(const PartitionField&, const PartitionField&) = default;
};

struct PartitionSpec {
  int32_t spec_id = 0;
  std::vector<PartitionField> fields;

  bool unpartitioned() const { return fields.empty(); }
};

/// Returns the tuple of a spec as fields (partition field id, name, result type, optional), in spec order.
/// Errors: kBadData if a source column is not in `schema` (see also PartitionFieldsOf in metadata.h).
Result<std::vector<schema::Field>> PartitionFields(const PartitionSpec& spec, const schema::Schema& schema);

/// True if both specs have the same fields (source, name, transform), whatever their ids.
bool Equivalent(const PartitionSpec& a, const PartitionSpec& b);

struct SortField {
  int32_t source_id = 0;
  Transform transform;
  bool ascending = true;
  bool nulls_first = true;

  friend bool operator==(const SortField&, const SortField&) = default;
};

/// `order_id` 0 is "unsorted" and has no fields.
struct SortOrder {
  int32_t order_id = 0;
  std::vector<SortField> fields;
};

}  // namespace firn::table
