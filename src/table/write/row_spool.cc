#include "table/write/row_spool.h"

#include <arrow/record_batch.h>

namespace firn::table {

Status RowSpool::Add(const std::shared_ptr<arrow::RecordBatch>& batch, arrow::MemoryPool* pool) {
  if (batch->num_rows() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Extent extent, file_.AppendBatch(*batch, pool));
  parts_.push_back(
      {.extent = extent, .schema = batch->schema(), .first_row = num_rows_, .num_rows = batch->num_rows()});
  num_rows_ += batch->num_rows();
  return Status::OK();
}

Result<std::shared_ptr<arrow::RecordBatch>> RowSpool::Read(size_t batch, arrow::MemoryPool* pool) const {
  return file_.ReadBatch(parts_[batch].extent, parts_[batch].schema, pool);
}

}  // namespace firn::table
