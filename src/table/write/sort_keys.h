#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/partition_spec.h"

namespace firn::table {

/// How the rows of a file are sorted.
struct RowOrder {
  SortOrder order;              // by these; no fields: not
  std::vector<int32_t> zorder;  // field ids: by the interleaved bits of their ranks. `order` then has no fields

  bool sorts() const { return !order.fields.empty() || !zorder.empty(); }
};

/// True if rows can be put into that order: known transforms of top-level columns whose values all engines order alike
/// (no uuid). False if it orders nothing.
bool CanSort(const RowOrder& order, const schema::Schema& schema);

/// The sort keys of many rows: bytes whose order is the order of the rows.
class KeyBytes {
 public:
  std::string_view operator[](uint64_t row) const {
    const size_t begin = row == 0 ? 0 : ends_[row - 1];
    return std::string_view(bytes_).substr(begin, ends_[row] - begin);
  }
  uint64_t size() const { return ends_.size(); }
  int64_t memory_bytes() const { return static_cast<int64_t>(bytes_.capacity() + ends_.capacity() * sizeof(size_t)); }
  std::string& bytes() { return bytes_; }
  void EndKey() { ends_.push_back(bytes_.size()); }
  void Reserve(size_t rows) { ends_.reserve(rows); }

 private:
  std::string bytes_;  // the keys of all rows, one after the other
  std::vector<size_t> ends_;
};

/// Makes the keys of one order. Floats are ordered as the specification says ("Sorting"): -NaN, -Infinity, …, -0, 0, …,
/// NaN. Used by one thread.
class SortKeys {
 public:
  /// `order`: CanSort. `schema`: of the rows, whose batches may have further columns behind.
  SortKeys(RowOrder order, const schema::Schema& schema);

  /// z-order alone: takes the ranks of values from these rows. A column's values are cut into ranges that hold about
  /// as many rows each, so that neither scale nor skew of a column matters. The first call counts. `schema`: of the
  /// sample, with at least the columns looked at.
  Status Learn(const arrow::RecordBatch& sample, const schema::Schema& schema, arrow::MemoryPool* pool);
  bool has_learned() const { return order_.zorder.empty() || !bounds_.empty(); }

  /// The keys of all rows. Learns from them if that was not done before.
  Result<KeyBytes> Make(const arrow::RecordBatch& rows, arrow::MemoryPool* pool);

 private:
  struct Key {
    int column = 0;
    schema::TypePtr type;
    Transform transform;
    bool ascending = true;
    bool nulls_first = true;
  };
  using Columns = std::vector<std::shared_ptr<arrow::Array>>;
  Status LearnFrom(const Columns& columns);
  Result<Columns> Transformed(const arrow::RecordBatch& rows, arrow::MemoryPool* pool) const;
  Status AppendInterleaved(const Columns& columns, int64_t row, std::string& scratch, std::string& out) const;

  RowOrder order_;
  std::vector<Key> keys_;
  std::vector<std::vector<std::string>> bounds_;  // of each z-ordered column: where its ranges begin, ascending
};

}  // namespace firn::table
