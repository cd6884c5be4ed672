#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// How the files of a table are laid out, and when they are written anew. Plain data; columns are source paths.
namespace firn::config {

/// A partition or sort key as written; the Iceberg transform of the same name.
struct PartitionConfig {
  enum class Transform { kIdentity, kBucket, kTruncate, kYear, kMonth, kDay, kHour };
  Transform transform = Transform::kIdentity;
  int32_t argument = 0;  // kBucket: number of buckets; kTruncate: width
  std::string column;    // source path
};

struct SortConfig {
  PartitionConfig key;
  bool ascending = true;
  bool nulls_first = true;  // if not written: as Iceberg has it, first when ascending, last when descending
};

struct BloomFilterConfig {
  bool enabled = true;
  double fpp = 0.01;           // share of values that are not there and pass
  std::optional<int64_t> ndv;  // distinct values of a row group; nullopt: found out
};

/// nullopt: as the table is.
struct LayoutConfig {
  std::optional<std::vector<SortConfig>> sort_by;  // empty: unsorted
  std::vector<std::string> zorder;     // rows by the interleaved bits of these columns; then sort_by is empty
  std::optional<bool> ndv_statistics;  // counts of distinct values are kept
  bool target_is_written = false;      // file_max_bytes stands in the project
};

struct MaintenanceConfig {
  bool automatic = true;                      // after each load, within the budget
  std::optional<int64_t> target_file_bytes;   // nullopt: the table's
  int64_t files_min = 5;                      // so many small files of a partition are put together
  int64_t bytes_min = 0;                      // or small files of so many bytes; 0: not by bytes
  double deleted_share_min = 0.3;             // a file with so many of its rows deleted is written anew
  int64_t delete_files_max = 10;              // or with more delete files
  int64_t older_than_ms = 0;                  // or two small files of which one is so old; 0: not by age
  int64_t budget_bytes = int64_t{256} << 20;  // read after one load
  bool budget_is_written = false;             // else at least what the load wrote
};

}  // namespace firn::config
