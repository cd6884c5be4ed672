#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"

namespace firn::table {

/// The staged rows of one partition, in the order they were added.
struct StagedGroup {
  uint32_t partition = 0;
  std::shared_ptr<arrow::RecordBatch> rows;  // slice of one large batch that all groups share
};

/// Gathers batches of one schema whose rows belong to many partitions, then groups them at once: a thousand partitions
/// cost one gather per column instead of a thousand small batches per input batch. Used by one thread.
class Stage {
 public:
  Status Add(std::shared_ptr<arrow::RecordBatch> batch, std::vector<uint32_t> partitions);

  /// Returns the rows by partition, in order of partition number, and empties the stage. Memory: the staged rows, and
  /// two copies of one column more. `num_partitions`: all numbers added are below it.
  Result<std::vector<StagedGroup>> TakeGroups(size_t num_partitions, arrow::MemoryPool* pool);

  bool empty() const { return batches_.empty(); }
  /// True if the rows cannot be grouped with 32-bit row numbers if more come.
  bool full() const;
  int64_t size_bytes() const { return size_bytes_; }

 private:
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::vector<std::vector<uint32_t>> partitions_;  // per batch, per row
  int64_t num_rows_ = 0;
  int64_t size_bytes_ = 0;
};

}  // namespace firn::table
