#pragma once

#include <arrow/io/type_fwd.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "format/parquet/bloom_filter.h"
#include "format/parquet/column_encoder.h"

/// Our encoder of Parquet files, beside Arrow's writer (docs/decisions/0006-parquet-encoder.md). Schema, footer and
/// their Thrift are libparquet's; levels, values, pages and statistics are made here.
namespace firn::format::parquet {

struct FileEncoderOptions {
  std::shared_ptr<arrow::Schema> schema;  // field ids as metadata "PARQUET:field_id"; uuid as the extension type
  int zstd_level = 3;
  int64_t buffer_bytes =
      int64_t{64} << 20;  // what the caller lets encoded pages take: pages of many columns are smaller
  std::string created_by;
  std::map<int32_t, BloomFilterShape> bloom_filters;  // by field id of a leaf; booleans have none
  bool page_checksums = false;                        // CRC-32 of each page in its header
  bool use_threads = false;           // leaves are encoded on Arrow's CPU pool, so never call from a task of it
  arrow::MemoryPool* pool = nullptr;  // required; holds all encoded data
};

/// A file: "PAR1", row groups, footer (parquet-format, README, "File format"). Data pages of version 1, PLAIN or
/// RLE_DICTIONARY, zstd. A row group stays in memory, encoded, until it ends. Used by one thread.
class FileEncoder {
 public:
  /// Writes the first bytes to `sink`, which must outlive the encoder and be at its begin. Types: those of
  /// schema::ToArrowType. Errors: kBug for another type, kConfig for one nested too deeply; of the sink.
  static Result<std::unique_ptr<FileEncoder>> Open(arrow::io::OutputStream& sink, FileEncoderOptions options);
  virtual ~FileEncoder() = default;

  /// Rows of the batch to write at once: between calls pages end, memory and size may be looked at.
  virtual int64_t PieceRows(const arrow::RecordBatch& batch) const = 0;
  /// Encodes `count` rows from `begin` on into the open row group; nothing of the batch is kept. Batches may be slices.
  /// Errors: kBadData for a null in a required column; OutOfMemory. After an error the file is lost.
  virtual Status Write(const arrow::RecordBatch& batch, int64_t begin, int64_t count) = 0;
  /// Compresses the larger open pages and gives their memory back, so that the row group can go on.
  virtual Status ShrinkPages() = 0;
  /// Writes the open row group, if it has rows, to the sink.
  virtual Status EndRowGroup() = 0;
  /// Ends the row group and writes the footer. Does not close the sink. Called once, last.
  virtual Status Close() = 0;

  virtual int64_t row_group_rows() const = 0;
  /// PLAIN bytes of the values in the open row group: nulls take none.
  virtual int64_t row_group_value_bytes() const = 0;
  /// Memory of compression contexts, which is not of the pool.
  virtual int64_t context_bytes() const = 0;
  /// Of the row groups that were ended; leaves in schema order, depth first.
  virtual const ColumnStatistics& statistics(size_t leaf) const = 0;
};

}  // namespace firn::format::parquet
