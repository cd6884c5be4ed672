#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "pipeline/column_binding.h"
#include "table/write/data_file_writer.h"

namespace firn::io {
class FileStore;
}

namespace firn::pipeline {

struct ParquetSegmentsOptions {
  std::string path;  // absolute; replaced at once when everything is written
  int zstd_level = 1;
  int64_t row_group_bytes = int64_t{128} << 20;
  int64_t buffer_bytes = int64_t{64} << 20;
  bool use_threads = false;           // encode columns on Arrow's CPU pool
  bool hash = false;                  // see ParquetSegments::hash
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

/// One Parquet file of rows whose schema may grow while they come. Each schema gets a segment file beside the target;
/// a single segment becomes the target, several are written anew in the last schema. Used by one thread. Destroyed
/// before Finish, it leaves the target as it was and no other file.
class ParquetSegments {
 public:
  ParquetSegments(io::FileStore& files, ParquetSegmentsOptions options);
  ~ParquetSegments();

  /// `schema`: of the batch (ids ignored); the same pointer until it changes.
  Status Write(const arrow::RecordBatch& batch, const std::shared_ptr<const schema::Schema>& schema);
  /// Forgets all rows so far.
  Status StartOver();
  /// Makes the file durable and puts it in place. Errors: kBadData if there was no row.
  Status Finish();

  int64_t num_rows() const { return num_rows_; }
  int64_t file_bytes() const { return file_bytes_; }
  /// Sum over the rows of a 128-bit hash of each row's values: the same for any order of rows. Hex; empty if off.
  std::string hash() const;
  const std::vector<std::string>& changes() const { return changes_; }

 private:
  Status Bind(const std::shared_ptr<const schema::Schema>& schema);
  Status OpenSegment();
  Status CloseSegment();
  Status Join();
  Status AddHash(const arrow::RecordBatch& batch);
  std::string SegmentPath(const std::string& name) const;
  Result<std::unique_ptr<table::DataFileWriter>> OpenFile(const std::string& path);

  io::FileStore& files_;
  const ParquetSegmentsOptions options_;
  std::unique_ptr<ColumnBinding> binding_;
  std::shared_ptr<const schema::Schema> bound_;
  table::SchemaPtr written_schema_;  // of the open segment
  std::unique_ptr<table::DataFileWriter> writer_;
  std::vector<std::string> segments_;  // paths, the open one last
  std::vector<std::string> changes_;
  int64_t num_rows_ = 0;
  int64_t file_bytes_ = 0;
  uint64_t hash_high_ = 0;
  uint64_t hash_low_ = 0;
};

}  // namespace firn::pipeline
