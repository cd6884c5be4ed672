#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "table/maintenance/inventory.h"
#include "table/write/sort_keys.h"

/// Which files a compaction rewrites. Pure.
namespace firn::table {

struct CompactionOptions {
  enum class Strategy {
    kBinPack,  // small and worn files of a partition; rows of a bin are sorted as the table wants it
    kSort,     // all files of a partition, sorted together and cut into files: their ranges of values do not overlap
  };
  Strategy strategy = Strategy::kBinPack;
  /// Of the rows of the files written; nullopt: as the table's layout says. kSort needs one.
  std::optional<RowOrder> order;
  /// All files that are older than this sequence number, whatever their size: after a change of the partitioning, the
  /// sort order or the format. Under kSort, too. nullopt: by need (kBinPack), or all (kSort).
  std::optional<int64_t> rewrite_upto;
  int64_t target_file_bytes = 0;   // 0: the table's write.target-file-size-bytes, else 512 MiB
  double small_share = 0.75;       // of the target; smaller files are put together
  int files_min = 5;               // that many small files of a partition are worth it; fewer if they fill a file
  int64_t bytes_min = 0;           // or two and more of so many bytes; 0: not by bytes
  int64_t older_than_ms = 0;       // or two and more of which one is so old; 0: not by age
  int64_t now_ms = 0;              // for the age
  double deleted_share_min = 0.3;  // a file with that share of its rows deleted is rewritten, whatever its size
  int delete_files_max = 10;       // a file with more delete files than that, too
  /// Rewrites small files only where that at least doubles the size of the file that each row is in: a row is then
  /// rewritten log2(target / first size) times at most, however often this is called. For use after every run.
  bool size_tiered = false;
  /// Rewrites all files of older partition specs, too: new files are of the table's default spec.
  bool repartition = false;
  int64_t group_bytes_max = int64_t{512} << 20;  // of input files per commit; at least one bin
  int group_files_max = 10'000;
  int64_t bin_bytes_max = 0;                   // below the target: what is put together at most; 0: the target
  int64_t sort_bytes_max = int64_t{32} << 30;  // kSort: what is sorted together at most
};

/// How far a table is from what a reader would like best.
struct ReadAmplification {
  double bytes = 1;  // bytes of data and delete files, per byte of rows that are still there
  double files = 1;  // data and delete files, per file of the target size that would do
};
ReadAmplification AmplificationOf(const Inventory& inventory, int64_t target_file_bytes);
/// The target of the options, else the table's, else 512 MiB.
int64_t TargetBytes(const TableMetadata& metadata, const CompactionOptions& options);

/// Files of one partition, or of one older spec, that become one file, or, if one of them is large, few. In row order:
/// by sequence number.
struct CompactionBin {
  int32_t spec_id = 0;
  std::vector<Inventory::File> files;
  int64_t num_bytes = 0;  // data files and their deletes
};

/// What one commit rewrites.
struct CompactionGroup {
  std::vector<CompactionBin> bins;
  int64_t num_bytes = 0;
  int64_t num_files = 0;
};

struct CompactionPlan {
  std::vector<CompactionGroup> groups;  // the most worthwhile first: by files and deletes that a byte read removes
  int64_t target_file_bytes = 0;
  int64_t small_files = 0;  // smaller than the share of the target
  int64_t kept_format = 0;  // files left alone because they are no Parquet
  int64_t kept_sorted = 0;  // files left alone because they are sorted in a way that cannot be kept
};

CompactionPlan PlanCompaction(const Inventory& inventory, const CompactionOptions& options);

/// Summary entry of the commits of a compaction: how many groups of its plan were still to be rewritten.
inline constexpr char kCompactionKey[] = "firn.compaction";
/// Of a rewrite of all files: "<sequence number> <groups left> <layout>". The next call of the same kind goes on.
inline constexpr char kRewriteKey[] = "firn.rewrite";

/// Share of a data file's rows that deletion vectors and deletes scoped to the file name.
double DeletedShare(const Inventory::File& file);

/// False if too little changed since the last compaction to look for more; from snapshot summaries alone, without I/O.
bool MayNeedCompaction(const TableMetadata& metadata, const CompactionOptions& options);

}  // namespace firn::table
