#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/literal.h"
#include "table/metadata/partition_spec.h"

/// Applying partition transforms to values (Iceberg specification, "Partition Transforms" and Appendix B).
namespace firn::table {

/// murmur3_x86_32 with seed 0, the hash of the bucket transform.
uint32_t Murmur3(std::string_view bytes);

/// Transforms one value; a null gives null. `value` must be valid. Truncating an int or long next to its minimum wraps
/// around, as the reference does. Errors: kConfig if the transform is not defined for the type or is unknown; kBadData
/// if a truncated decimal has more digits than its type.
Result<Literal> ApplyTransform(const Transform& transform, const Literal& value);

/// Transforms a column. `values`: of the Arrow type schema::ToArrow gives `type`; the result has the Arrow type of
/// ResultType(transform, type), the same length, null where `values` is null. Errors as above, or of the pool.
Result<std::shared_ptr<arrow::Array>> ApplyTransform(const Transform& transform, const schema::TypePtr& type,
                                                     const std::shared_ptr<arrow::Array>& values,
                                                     arrow::MemoryPool* pool);

/// Returns the value of one slot of an array that has the Arrow type of `type` (a primitive).
Literal LiteralAt(const arrow::Array& values, const schema::TypePtr& type, int64_t row);

/// Returns "day=2026-11-21/region=eu_west" (no slashes around), "" if unpartitioned. Decorative: the tuple in the
/// manifest is the truth, so bytes that some reader mangles in a location (all but letters, digits and ._-) become "_"
/// and names and values are cut to 64 bytes; two partitions may share a folder.
std::string PartitionPath(const PartitionSpec& spec, std::span<const Literal> tuple);

/// Numbers the partitions of a stream of batches: 0, 1, … in order of first appearance. Used by one thread.
class PartitionKeys {
 public:
  static constexpr size_t kPartitionsMax = 100'000;

  /// Errors: kBadData if a source column is missing or inside a list or map; kConfig for an unknown transform.
  static Result<PartitionKeys> Make(const PartitionSpec& spec, const schema::Schema& schema);

  /// Returns the partition number of each row. `batch`: columns of the schema given to Make, in order.
  /// Errors: kConfig beyond kPartitionsMax partitions.
  Result<std::vector<uint32_t>> Number(const arrow::RecordBatch& batch, arrow::MemoryPool* pool);

  /// Takes another schema for the batches that follow; the numbers stay. Errors as Make.
  Status SetSchema(const schema::Schema& schema);

  size_t size() const { return tuples_.size(); }
  /// The tuple of a partition: one literal per field of the spec, of the transform's result type.
  const std::vector<Literal>& tuple(uint32_t partition) const { return tuples_[partition]; }
  /// Bytes held by the table of keys.
  int64_t memory_bytes() const { return key_bytes_; }

 private:
  struct Source {
    Transform transform;
    std::vector<int> path;  // child indices from the row to the source column
    schema::TypePtr type;
    schema::TypePtr result_type;
  };
  struct KeyHash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const;
  };
  Result<uint32_t> Find(std::string_view key, const std::vector<std::shared_ptr<arrow::Array>>& values, int64_t row);

  PartitionSpec spec_;
  std::vector<Source> sources_;
  std::unordered_map<std::string, uint32_t, KeyHash, std::equal_to<>> numbers_;
  std::vector<std::vector<Literal>> tuples_;
  int64_t key_bytes_ = 0;
};

}  // namespace firn::table
