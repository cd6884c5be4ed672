#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/hash.h"
#include "base/status.h"
#include "schema/type.h"
#include "table/manifest/data_file.h"

/// What becomes of rows that have one key: the seam between the strategies of a merge and the machine that finds rows,
/// writes and deletes them (planned_merge.h).
namespace firn::table {

/// A row of the load or of the table, as a strategy sees it.
struct KeyedRow {
  static constexpr uint32_t kOfLoad = UINT32_MAX;
  enum Flag : uint32_t {
    kIsDelete = 1,
    kHasOrder = 2,
    kHasEnd = 4,
    kInScope = 8,  // of the table: gone if the load does not have its key (retire_scope.h)
  };
  Hash128 hash;               // of the key
  Hash128 content;            // of the tracked columns
  int64_t row = 0;            // its number in the load, or its position in the live file
  int64_t order = 0;          // of kHasOrder: the value of the order column, as OrderOf gives it
  int64_t end = 0;            // of kHasEnd: likewise
  int64_t row_id = -1;        // of the table; -1: none
  uint32_t source = kOfLoad;  // or the index of a live file
  uint32_t flags = 0;

  bool is(Flag flag) const { return (flags & flag) != 0; }
};

/// What a strategy puts into columns of its own.
struct RowStamp {
  enum Flag : uint32_t { kStamped = 1, kHasTo = 2 };
  int64_t from = 0;
  int64_t to = 0;  // of kHasTo
  uint32_t flags = 0;

  bool is(Flag flag) const { return (flags & flag) != 0; }
};

struct MergeCounts {
  int64_t inserted = 0;
  int64_t updated = 0;
  int64_t deleted = 0;
  int64_t superseded = 0;  // rows of the load that a later one of the same load replaced
  int64_t skipped = 0;     // rows of the load that change nothing
  int64_t in_scope = 0;    // keys with a live row that has not ended, of which the load speaks (retire_scope.h)
  int64_t retired = 0;     // of them: those that the load does not have
};

/// Takes what a strategy decides. Rows of the load that are not written, and live rows not named, stay as they are.
class Decisions {
 public:
  virtual ~Decisions() = default;
  /// A row of the load goes into the table. `replaces`: the live row whose row id it takes over, which is deleted;
  /// null: none.
  virtual Status Write(const KeyedRow& load, const RowStamp& stamp, const KeyedRow* replaces) = 0;
  virtual Status Delete(const KeyedRow& live) = 0;
  /// A live row stays, with other values in the columns of the strategy.
  virtual Status Restamp(const KeyedRow& live, const RowStamp& stamp) = 0;

  MergeCounts counts;
};

/// The least and the greatest order of the rows of a load.
struct OrderRange {
  int64_t min = INT64_MAX;
  int64_t max = INT64_MIN;
};

/// Immutable; its columns are known by field id, 0: none.
class MergeStrategy {
 public:
  enum class NullKey {
    kReject,  // the row has no key: for quarantine
    kKeep,    // the row is like no other
  };
  struct Columns {
    int32_t order = 0;
    int32_t end = 0;
    bool content = false;  // all columns that Tracks
  };
  virtual ~MergeStrategy() = default;

  /// The columns of a row of the load, and of a live row, that fill a KeyedRow.
  virtual Columns load_columns() const { return {}; }
  virtual Columns live_columns() const { return {}; }
  virtual bool Tracks(int32_t /*field_id*/) const { return false; }
  /// True if the load's order column may not be null.
  virtual bool needs_order() const { return false; }
  /// With needs_order: false if a deletion's may.
  virtual bool deletions_need_order() const { return true; }
  virtual NullKey null_key() const { return NullKey::kReject; }
  /// False: live rows of the keys are not looked for.
  virtual bool looks_at_table() const { return true; }
  /// True: the load is a listing of all keys, whatever MergeOptions::retire says.
  virtual bool retires() const { return false; }
  /// Keys (lists of top-level columns) by which live rows go without being asked about.
  virtual std::vector<std::vector<int32_t>> removal_keys() const { return {}; }
  /// False only if no row of the live file can matter to rows of that range.
  virtual bool MayMatter(const DataFile& /*file*/, const OrderRange& /*load*/) const { return true; }
  /// Errors: kConfig if a column cannot be used.
  virtual Status CheckSchema(const schema::Schema& schema) const = 0;

  /// Decides on all rows of one key. `load`: as they arrived; empty: the key is gone, `live` then has a row without
  /// kHasEnd. `live`: in no order.
  virtual Status Decide(std::span<const KeyedRow> load, std::span<const KeyedRow> live, Decisions* out) const = 0;

  /// Puts stamps, one per row, into a batch of the table's schema; rows not kStamped keep what they have.
  /// `key_schema`: of the merge's key.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Stamp(std::shared_ptr<arrow::RecordBatch> batch,
                                                            std::span<const RowStamp> /*stamps*/,
                                                            const schema::Schema& /*key_schema*/,
                                                            arrow::MemoryPool* /*pool*/) const {
    return batch;
  }
};

using MergeStrategyPtr = std::shared_ptr<const MergeStrategy>;

/// Rows by key, the last one or the one of the greatest sequence wins; deletions hard or soft.
struct UpsertRules {
  int32_t sequence_field_id = 0;    // 0: the last to arrive wins
  int32_t deleted_at_field_id = 0;  // timestamptz; 0: a deleted row goes
  int64_t now_micros = 0;           // time of soft deletions
  bool skips_unchanged = false;     // a row whose values the table has is not written again
  std::vector<int32_t> untracked;   // of skips_unchanged: columns that do not count
};
MergeStrategyPtr MakeUpsert(const UpsertRules& rules);

/// The first row of a key stays for good.
MergeStrategyPtr MakeInsertOnly();

/// All live rows with a merge key, or a primary key, of the load go; its rows come, of each primary key the last.
/// `primary_key`: may be empty.
MergeStrategyPtr MakeDeleteInsert(std::vector<int32_t> merge_key, std::vector<int32_t> primary_key);

/// Drops rows whose key was seen within a window. Rows without the time of the window are compared among themselves.
struct DedupeRules {
  int32_t time_field_id = 0;  // 0: there is no window
  schema::TypePtr time_type;
  int64_t window_micros = 0;
};
MergeStrategyPtr MakeDedupe(DedupeRules rules);

/// Versions of each key that do not overlap, gapless unless deleted (history_strategy.cc says how).
struct HistoryRules {
  int32_t valid_from = 0;  // timestamptz
  int32_t valid_to = 0;    // timestamptz
  int32_t is_current = 0;  // boolean
  int32_t surrogate = 0;   // string
  int32_t changed_at = 0;  // date, timestamp or timestamptz; 0: now
  int64_t now_micros = 0;
  bool retire_missing = false;
  std::vector<int32_t> tracked;  // empty: all but `untracked`
  std::vector<int32_t> untracked;
};
MergeStrategyPtr MakeHistory(HistoryRules rules);

}  // namespace firn::table
