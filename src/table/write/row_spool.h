#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/write/temporary_file.h"

namespace firn::table {

/// Rows of a load in the order they came, in an unlinked temporary file, to be read as often as wanted. Used by one
/// thread.
class RowSpool {
 public:
  explicit RowSpool(std::string temporary_folder) : file_(std::move(temporary_folder)) {}

  Status Add(const std::shared_ptr<arrow::RecordBatch>& batch, arrow::MemoryPool* pool);
  int64_t num_rows() const { return num_rows_; }
  size_t num_batches() const { return parts_.size(); }
  /// The number of a batch's first row.
  int64_t FirstRowOf(size_t batch) const { return parts_[batch].first_row; }
  int64_t EndRowOf(size_t batch) const { return parts_[batch].first_row + parts_[batch].num_rows; }
  Result<std::shared_ptr<arrow::RecordBatch>> Read(size_t batch, arrow::MemoryPool* pool) const;

 private:
  struct Part {
    Extent extent;
    std::shared_ptr<arrow::Schema> schema;
    int64_t first_row = 0;
    int64_t num_rows = 0;
  };
  TemporaryFile file_;
  std::vector<Part> parts_;
  int64_t num_rows_ = 0;
};

}  // namespace firn::table
