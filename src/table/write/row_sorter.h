#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/write/sort_keys.h"
#include "table/write/temporary_file.h"

namespace firn::table {

struct RowSorterOptions {
  int64_t memory_bytes = int64_t{64} << 20;  // of rows that wait; sorting holds three times that
  std::string temporary_folder;              // of rows beyond it; empty: $TMPDIR, else /tmp
  arrow::MemoryPool* pool = nullptr;         // null: the default pool
};

/// Puts rows into the order of a table: stable, in bounded memory, by sorted runs on disk that are merged in the end.
/// Used by one thread.
class RowSorter {
 public:
  /// `order`: CanSort. `schema`: of the rows; batches may have further columns behind.
  RowSorter(const RowOrder& order, const schema::Schema& schema, RowSorterOptions options);

  /// z-order alone: a sample of all rows that will come. Without one the first rows that fill the memory are taken.
  Status Learn(const arrow::RecordBatch& sample, const schema::Schema& sample_schema) {
    return keys_.Learn(sample, sample_schema, pool_);
  }

  Status Append(std::shared_ptr<arrow::RecordBatch> rows);
  /// Hands out all rows in order, in batches. Called once, last.
  Status Drain(const std::function<Status(const std::shared_ptr<arrow::RecordBatch>&)>& take);

  int64_t num_runs() const { return static_cast<int64_t>(runs_.size()); }

 private:
  struct Run {
    std::vector<Extent> pieces;
    size_t next = 0;
    std::shared_ptr<arrow::RecordBatch> rows;  // read, not handed out yet; null: none
    bool at_end() const { return next == pieces.size(); }
  };
  using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

  Result<std::shared_ptr<arrow::RecordBatch>> Concatenate(const Batches& batches) const;
  Result<std::shared_ptr<arrow::Array>> Order(const std::shared_ptr<arrow::RecordBatch>& rows);
  Result<std::shared_ptr<arrow::RecordBatch>> Pick(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                   const std::shared_ptr<arrow::Array>& order) const;
  Result<std::shared_ptr<arrow::RecordBatch>> TakeSorted();
  Status Spill();
  Status AppendTo(Run& run, const arrow::RecordBatch& rows, int64_t bytes);
  Status MergeRuns();
  Status Fill(Run& run);
  Result<std::string> KeyAt(const arrow::RecordBatch& rows, int64_t row);
  Result<std::vector<int64_t>> NumFinal();
  Result<std::shared_ptr<arrow::RecordBatch>> NextMerged();

  const RowSorterOptions options_;
  arrow::MemoryPool* pool_;
  SortKeys keys_;
  Batches waiting_;
  int64_t waiting_bytes_ = 0;
  std::vector<Run> runs_;
  std::shared_ptr<arrow::Schema> schema_;  // of the runs
  TemporaryFile file_;
};

}  // namespace firn::table
