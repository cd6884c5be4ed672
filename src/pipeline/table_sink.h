#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "table/commit/committer.h"
#include "table/write/merge_strategy.h"
#include "table/write/retire_scope.h"
#include "table/write/row_level_mode.h"
#include "table/write/row_removal.h"
#include "table/write/table_writer.h"

namespace firn::io {
class FileStore;
}

namespace firn::pipeline {

/// What a sink made of its rows.
struct SinkResult {
  std::vector<table::DataFile> added;  // data and delete files
  std::vector<std::string> removed;    // FileKeyOf live files that go
  int64_t rows_appended = 0;
  int64_t rows_inserted = 0;
  int64_t rows_updated = 0;
  int64_t rows_deleted = 0;
  int64_t rows_superseded = 0;
  int64_t rows_skipped = 0;
  int64_t data_bytes = 0;
};

/// Rows without a usable key, for quarantine. Null when there are none.
using RejectedRows = std::shared_ptr<arrow::RecordBatch>;

/// Where the typed rows of one table go until they are committed. Used by one thread.
class TableSink {
 public:
  virtual ~TableSink() = default;
  virtual Status SetSchema(std::shared_ptr<const schema::Schema> schema) = 0;
  /// `deletes`: null, or true where the row only names a key to delete (merge alone).
  virtual Result<RejectedRows> Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                                      const arrow::BooleanArray* deletes) = 0;
  /// Takes rows that name a part of the table, of which the load has all rows (merge alone, as MergeWriter::Name).
  virtual Status Name(const std::shared_ptr<arrow::RecordBatch>& batch);
  /// Before Finish. `whole`: the load has all rows of its scope, so keys that it does not have are gone.
  virtual void SetWhole(bool /*whole*/) {}
  /// About the average size of the new files if Finish were called now; 0: not known.
  virtual int64_t average_file_bytes() const { return 0; }
  /// Makes all rows durable files. `parent`: the table they will be committed to, null if there is none or if it is to
  /// be replaced whole. May be called once more with another parent, but not of MakeAppendSink.
  virtual Result<SinkResult> Finish(const catalog::LoadedTable* parent, std::stop_token stop) = 0;
  /// The last result was committed as this snapshot: caches may follow. Cannot fail the load.
  virtual void Committed(const table::Snapshot& snapshot) = 0;
};

/// Appends rows as they are: append and replace.
Result<std::unique_ptr<TableSink>> MakeAppendSink(io::FileStore& files, table::TableWriterOptions options);

/// Where a merge keeps its key index (table_key_index.h).
struct MergeIndexOptions {
  const table::TableMetadata* table = nullptr;  // null: no index. Borrowed for the call
  std::string state_folder;
  int64_t memory_bytes = 0;
};

struct MergeSinkOptions {
  table::TableWriterOptions writer;
  std::vector<std::string> key;  // top-level columns of the writer's schema; may be empty with a strategy that says so
  int64_t key_memory_bytes = 0;
  MergeIndexOptions index;
  int32_t format_version = 2;        // of the table the rows are committed to, if it is not newer
  table::MergeStrategyPtr strategy;  // null: the last row of each key stays
  table::RowLevelMode mode = table::RowLevelMode::kMergeOnRead;
  bool appends = false;                                           // rows that came in count as appended
  table::RetireScope retire = {};                                 // with a strategy: what is gone if the load lacks it
  std::function<Status(const table::MergeCounts&)> approve = {};  // as in MergeOptions
  std::function<Status(const std::shared_ptr<arrow::RecordBatch>& keys)> on_gone = {};  // the same
};

/// Compares rows with those of the table by key: merge, and append without duplicates.
Result<std::unique_ptr<TableSink>> MakeMergeSink(io::FileStore& files, MergeSinkOptions options);

/// Appends rows, and takes out the rows that were in their partitions: a replace of partitions.
Result<std::unique_ptr<TableSink>> MakeOverwriteSink(io::FileStore& files, table::TableWriterOptions options,
                                                     int32_t format_version);

/// Appends rows, and takes out those that were there and are chosen.
Result<std::unique_ptr<TableSink>> MakeRemovalSink(io::FileStore& files, table::TableWriterOptions options,
                                                   int32_t format_version, table::RowChoice choice);

}  // namespace firn::pipeline
