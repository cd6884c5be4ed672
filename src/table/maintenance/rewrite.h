#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "table/maintenance/compaction_plan.h"

namespace firn {
class Clock;
}

namespace firn::table {

/// Gives rows other columns on their way into new files.
class RowChange {
 public:
  virtual ~RowChange() = default;
  /// The table as it will be, in whose schema the new files are written. Its layout must not need a column that rows do
  /// not have before.
  virtual const std::shared_ptr<const TableMetadata>& metadata() const = 0;
  /// `rows`: live rows in the table's present schema (with row lineage, which is handed on). Returns as many rows with
  /// the columns of metadata(), told by field ids. `file`, `first_row`: where they are; rows count without deleted
  /// ones.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Change(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                             const std::string& file, int64_t first_row) = 0;
};

struct RewriteOptions {
  std::string run;                // part of every file's name
  std::optional<RowOrder> order;  // of the rows; nullopt: as the table's layout says
  int64_t target_file_bytes = int64_t{512} << 20;
  int64_t memory_bytes = int64_t{256} << 20;
  int threads = 1;
  std::string temporary_folder;  // of rows that wait to be sorted; empty: $TMPDIR, else /tmp
  arrow::MemoryPool* pool = nullptr;
  const Clock* clock = nullptr;
  RowChange* change = nullptr;  // null: rows stay as they are
};

struct RewrittenGroup {
  std::vector<DataFile> added;       // durable
  std::vector<std::string> removed;  // paths of data files
  int64_t rows = 0;                  // live ones
  int64_t rows_deleted = 0;          // that the new files no longer have
};

/// Writes the live rows of a group into new files, under the table's present schema (or as options.change says) and
/// partitioning: row order is
/// kept, or, with an order, the rows of a bin are sorted together and cut into files. Bloom filters are made as the
/// table's properties say. Memory: about
/// options.memory_bytes and one row group of one file. Errors: of reading and writing; kBug if the rows written are
/// not those that are live; kCancelled. After an error no file is left.
Result<RewrittenGroup> RewriteGroup(io::FileStore& files, const Inventory& inventory, const CompactionGroup& group,
                                    const RewriteOptions& options, std::stop_token stop);

}  // namespace firn::table
