#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/manifest/data_file.h"
#include "table/write/bounds.h"
#include "table/write/file_layout.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

struct DataFileOptions {
  std::shared_ptr<const schema::Schema> schema;
  std::string location;  // URI of the new file; must not exist
  int32_t spec_id = 0;
  std::vector<Literal> partition;  // the tuple, copied into the DataFile
  int zstd_level = 3;
  int64_t row_group_bytes = int64_t{128} << 20;  // bytes of the values of a row group, not encoded; nulls have none
  int64_t buffer_bytes = int64_t{64} << 20;      // encoded bytes held in memory before a row group is ended early
  bool page_checksums = false;  // for files whose rows nobody would miss: a flipped position deletes another row
  bool use_threads = false;     // encode columns on Arrow's CPU pool; then only one file at a time per pool
  std::vector<BloomColumn> bloom_filters;
  MetricsOptions metrics;
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

/// Writes one Parquet data file (Iceberg specification, Appendix A "Parquet"): field ids on every node, zstd.
/// Used by one thread. Destroyed before Finish, it deletes what it wrote.
class DataFileWriter {
 public:
  /// Errors: kConfig if the schema has no column, or a struct without fields (Parquet cannot represent it).
  static Result<std::unique_ptr<DataFileWriter>> Open(io::FileStore& files, DataFileOptions options);
  virtual ~DataFileWriter() = default;

  /// `batch`: the schema's columns in order, in the types of schema::ToArrow. Nothing of it is kept.
  /// Errors: of the file store; kBug for another shape; kBadData for a null in a required column.
  virtual Status Write(const std::shared_ptr<arrow::RecordBatch>& batch) = 0;

  virtual int64_t num_rows() const = 0;
  /// Bytes in the file so far plus what the open row group holds encoded: to roll over at a target size.
  virtual int64_t file_bytes() const = 0;
  /// Bytes of memory held now: encoded pages, dictionaries, contexts of compression.
  virtual int64_t memory_bytes() const = 0;

  /// Ends the file, makes it durable (file and folder are synced), reads the footer back and checks size, row count and
  /// field ids against what was written. Called once, last. Errors: kBug if nothing was written or the check fails.
  virtual Result<DataFile> Finish() = 0;
};

/// Returns kConfig if a table of that schema cannot be stored in Parquet: no column at all, or an empty struct.
Status CheckStorable(const schema::Schema& schema);

}  // namespace firn::table
