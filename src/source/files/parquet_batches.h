#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "base/status.h"

namespace firn::source::files {

/// Rows of a Parquet file as Arrow batches with the file's own types, row group by row group. Used by one thread.
class ParquetBatches {
 public:
  struct Rows {
    std::shared_ptr<arrow::RecordBatch> batch;
    int64_t first_row = 0;    // its number in the file, from 0
    int64_t num_bytes = 0;    // about, of the file
    bool ends_group = false;  // reading may go on behind it, with next_group
    int32_t next_group = 0;
  };
  /// `first_group`: the row group to begin with. Errors: kBadData E0887 for what is no Parquet file, or a broken one.
  static Result<std::unique_ptr<ParquetBatches>> Open(std::shared_ptr<arrow::io::RandomAccessFile> file,
                                                      int32_t first_group, arrow::MemoryPool* pool);
  virtual ~ParquetBatches() = default;
  /// Returns the next rows, at least one, or nullopt at the end.
  virtual Result<std::optional<Rows>> Next() = 0;
};

}  // namespace firn::source::files
