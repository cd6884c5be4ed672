#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/scan/projection.h"

namespace firn::io {
class FileStore;
}

namespace parquet {
class RowGroupMetaData;
}

namespace firn::table {

/// A row group as a reader may choose it.
struct RowGroup {
  int64_t first_row = 0;  // position in the file
  int64_t num_rows = 0;
  const parquet::RowGroupMetaData* metadata = nullptr;  // statistics; borrowed for the call
};

struct FileReadOptions {
  int64_t batch_rows = 32 * 1024;             // rows of a batch at most
  const NameMapping* name_mapping = nullptr;  // for files without field ids; borrowed for the call to OpenDataFile
  arrow::MemoryPool* pool = nullptr;          // null: the default pool
  bool verify_checksums = false;              // of pages that have one
  /// Called once per row group, in order, while the file is opened: false leaves it out. Null: all are read.
  std::function<bool(const RowGroup&)> choose;
};

/// Opens a Parquet data file as batches in the shape of `target`, resolved by field id: only the leaves the target
/// needs are read; columns the file lacks are null; promotions are cast; renamed, reordered and nested alike. Batches
/// come in row order and cover every row of the row groups chosen, so that without a choice the n-th row read is row n
/// of the file. Memory: the decoded pages of one batch and the column chunks of one row group that are being read.
/// `target` may be empty of fields: batches then have rows and no columns. Errors: kBadData if the file is no Parquet,
/// or a type cannot be promoted; of the file store.
Result<std::unique_ptr<arrow::RecordBatchReader>> OpenDataFile(io::FileStore& files, const std::string& location,
                                                               const schema::Schema& target,
                                                               const FileReadOptions& options = {});

}  // namespace firn::table
