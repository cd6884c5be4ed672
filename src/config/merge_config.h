#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a load does to rows that are in the table already. Plain data; paths are those of the source.
namespace firn::config {

enum class MergeStrategy {
  kUpsert,        // the last row of a key stays
  kDeleteInsert,  // all rows with a merge_key of the load go, the rows of the load come
  kScd2,          // a changed row is a further version of its key
  kInsertOnly,    // a row whose key is known is skipped
};
enum class Deletes {
  kHard,  // the row goes
  kSoft,  // the row stays and says when it was deleted
};

/// How rows that a merge replaces or deletes leave their data files.
enum class MergeMode : uint8_t {
  kMergeOnRead,  // delete files or deletion vectors name them
  kCopyOnWrite,  // their files are written again without them
};

/// `merge_strategy: scd2`: history of each key as versions that do not overlap.
struct HistoryConfig {
  std::string valid_from = "_firn_valid_from";      // timestamptz, inclusive
  std::string valid_to = "_firn_valid_to";          // timestamptz, exclusive; null: not ended
  std::string is_current = "_firn_is_current";      // boolean
  std::string surrogate_key = "_firn_version_key";  // text: hash of key and valid_from
  std::string changed_at;                           // path of the time a row is valid from; empty: the run's
  std::vector<std::string> track;                   // paths whose change makes a version; empty: all but changed_at
  bool retire_missing = false;                      // a key that a full read does not give ends
};

/// `deletes: missing`: a key that a listing of all rows does not give is deleted.
struct MissingConfig {
  int64_t percent_max = 20;  // of the keys that the table has; more is refused
};

/// A pass that reads again what was read before, and repairs what differs.
struct ReconcileConfig {
  int64_t every_ms = 0;
  std::optional<int64_t> window_ms;  // how far it goes back; nullopt: to the beginning
};

struct MergeConfig {
  MergeStrategy strategy = MergeStrategy::kUpsert;
  std::optional<MergeMode> mode;                // nullopt: as the table's properties say, else kMergeOnRead
  std::vector<std::string> merge_key;           // kDeleteInsert; not unique
  std::string sequence_by;                      // kUpsert: the greatest value wins; empty: the last to arrive
  Deletes deletes = Deletes::kHard;             // kUpsert
  std::optional<MissingConfig> missing;         // kUpsert, kScd2
  std::optional<ReconcileConfig> reconcile;     // kUpsert, kScd2; of incremental tables
  std::string deleted_at = "_firn_deleted_at";  // kSoft: timestamptz, null while the row is there
  HistoryConfig history;                        // kScd2
};

/// Duplicates of an append stream.
struct DedupeConfig {
  std::vector<std::string> key;
  std::optional<int64_t> window_ms;  // nullopt: the whole table
  std::string by;                    // path of the time that the window is of; empty: when a row was loaded
};

std::string_view ToString(MergeStrategy strategy);

}  // namespace firn::config
