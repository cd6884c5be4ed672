#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/clock.h"
#include "base/status.h"
#include "schema/type.h"
#include "table/manifest/data_file.h"
#include "table/metadata/partition_spec.h"
#include "table/write/bounds.h"
#include "table/write/file_layout.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

struct TableWriterOptions {
  std::shared_ptr<const schema::Schema> schema;
  PartitionSpec spec;
  std::string location;  // URI of the table, without a trailing slash; files go to <location>/data/[partition path]/
  std::string stream = "live";  // file names: <stream>-<epoch>-<n>-<uuid7>.parquet
  int64_t epoch = 0;
  int64_t target_file_bytes = int64_t{512} << 20;
  int64_t file_rows_max = 0;  // of one file; 0: no limit
  int64_t row_group_bytes = int64_t{128} << 20;
  int64_t memory_bytes = int64_t{256} << 20;  // what the writer may hold; over it, rows go to a temporary file
  int zstd_level = 3;
  int threads = 1;  // above 1: columns are encoded on Arrow's CPU pool, or several files at once
  /// Of the rows in each file: files name `order.order.order_id`. An order that CanSort denies is left alone, and no
  /// file names it.
  RowOrder order;
  std::vector<BloomColumn> bloom_filters;
  std::string temporary_folder;  // of spilled rows; empty: $TMPDIR, else /tmp
  MetricsOptions metrics;
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
  const Clock* clock = nullptr;       // names of files; null: the system's clock
};

/// Where a row went: the partition's number and how many rows that partition got before it.
struct RowPlace {
  uint32_t partition = 0;
  int64_t ordinal = 0;
};

/// A finished file. Its rows are the rows `first_ordinal` … `first_ordinal + record_count - 1` of the partition, in the
/// order they were appended, or, of a sorted partition, of their ranks.
struct WrittenFile {
  DataFile file;
  uint32_t partition = 0;
  int64_t first_ordinal = 0;
};

/// By partition: the rank in the partition's order of the row of each ordinal. Empty, or not there: the ordinal itself.
using RowRanks = std::vector<std::vector<uint32_t>>;

struct TableWriterStats {
  int64_t num_rows = 0;
  int64_t num_partitions = 0;
  int64_t spilled_bytes = 0;  // written to the temporary file
  int64_t memory_bytes_peak = 0;
};

/// Writes record batches as data files of a table: fan-out by partition, rolling at the target size, in bounded memory.
///
/// An unpartitioned table streams into one open file. Rows of a partitioned table are gathered, grouped by partition,
/// and go either to one of a few open files (as many as the budget allows) or, lz4-compressed, to one unlinked
/// temporary file, from which Finish writes the other partitions one after the other. So 1,000 shuffled partitions give
/// 1,000 files of full size, not thousands of small ones. The order of rows within a partition is kept. Finish writes
/// files of several partitions at once, within the budget; which rows are in which file, and the order of the files,
/// does not depend on the number of threads.
///
/// With an order all rows wait for Finish, which sorts each partition whole (RowSorter) and cuts it into files: their
/// ranges of values do not overlap. Where places are asked for, a partition stays unsorted if its ranks (4 bytes a row)
/// do not fit into a quarter of the memory.
///
/// Used by one thread, which must not be one of Arrow's CPU pool if threads > 1. Destroyed before Finish, it deletes
/// the files it wrote.
class TableWriter {
 public:
  /// Errors: kConfig for a schema or spec that cannot be written (see CheckStorable, PartitionKeys::Make).
  static Result<std::unique_ptr<TableWriter>> Make(io::FileStore& files, TableWriterOptions options);
  virtual ~TableWriter() = default;

  /// Appends rows. Columns are matched by field id (Arrow field metadata "PARQUET:field_id", at every depth): missing
  /// ones become their write default or null, promotable ones are cast exactly. `places`: if not null, gets the place
  /// of each row, appended. Errors: kBug for a column that is in the batch but not in the schema, or of a type that
  /// cannot be promoted; kBadData for a null in a required column; of the file store; kConfig if the temporary folder
  /// is full.
  virtual Status Append(const std::shared_ptr<arrow::RecordBatch>& batch, std::vector<RowPlace>* places = nullptr) = 0;

  /// Takes a schema that evolved from the present one; rows from now on go to new files. The spec's source columns must
  /// still be there.
  virtual Status SetSchema(std::shared_ptr<const schema::Schema> schema) = 0;

  /// Bytes of memory held now.
  virtual int64_t memory_bytes() const = 0;
  virtual TableWriterStats stats() const = 0;
  /// About the average size of the files if Finish were called now; 0 without rows.
  virtual int64_t average_file_bytes() const = 0;

  /// Writes everything out and returns the files, all durable. Called once, last. No rows: no files.
  virtual Result<std::vector<WrittenFile>> Finish() = 0;
  /// After Finish, once: where the places of sorted partitions are. Empty if Append was never asked for places.
  virtual RowRanks TakeRanks() = 0;
};

/// Drops the places: what a commit needs.
std::vector<DataFile> DataFilesOf(const std::vector<WrittenFile>& files);

}  // namespace firn::table
