#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "table/commit/committer.h"
#include "table/write/table_writer.h"

namespace firn::io {
class FileStore;
}

namespace firn::pipeline {

/// What a sink made of its rows.
struct SinkResult {
  std::vector<table::DataFile> added;
  std::vector<std::string> removed;  // file_path of live files that go
  int64_t rows_appended = 0;
  int64_t rows_inserted = 0;
  int64_t rows_updated = 0;
  int64_t rows_deleted = 0;
  int64_t rows_superseded = 0;
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
  /// Makes all rows durable files. `parent`: the table they will be committed to, null if there is none or if it is to
  /// be replaced whole. May be called once more with another parent (merge alone).
  virtual Result<SinkResult> Finish(const catalog::LoadedTable* parent, std::stop_token stop) = 0;
};

/// Appends rows as they are: append and replace.
Result<std::unique_ptr<TableSink>> MakeAppendSink(io::FileStore& files, table::TableWriterOptions options);

/// Keeps the last row of each key: merge. `key_names`: top-level columns of `options.schema`.
Result<std::unique_ptr<TableSink>> MakeMergeSink(io::FileStore& files, table::TableWriterOptions options,
                                                 const std::vector<std::string>& key_names, int64_t key_memory_bytes);

}  // namespace firn::pipeline
