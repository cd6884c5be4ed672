#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "connector/plan.h"
#include "format/json/page.h"
#include "source/rest/cursor_kinds.h"
#include "source/rest/cursor_value.h"
#include "source/source.h"

namespace firn::source::rest {

/// Where the captured fields of a table's records stand in its pages.
struct CaptureLayout {
  explicit CaptureLayout(const connector::TablePlan& table);
  // Child fields first (TableTraits::parent_fields), then cursor, key, delete_when's, and what columns are copied of.
  std::vector<std::string> paths;
  size_t cursor = 0;
  size_t keys = 0;
  size_t deletes = 0;
  size_t copies = 0;
};

/// One request window of an incremental read.
struct Window {
  std::optional<std::string> lower, upper;  // as sent
  std::optional<Timestamp> end;             // of windows with a step: everything before it will have been read
};

/// What an incremental read takes of a page; both ascending.
struct AdmittedRows {
  std::vector<uint32_t> rows;
  std::vector<UndecidedRow> undecided;  // those of `rows` whose cursor has no order among the others
};

/// Follows the cursor of one split: computes its windows, drops boundary rows, and says where the split resumes.
/// Reads are inclusive (>=); a row that an earlier read already gave is recognised by key or by a keyed hash of its
/// content (HMAC-SHA-256, cut to 128 bits, under a random key that the position carries). Used by one thread.
///
/// Position: {"version":1, "cursor":<raw JSON>, "resume":"<RFC 3339>" (windows), "hash_key":"<hex>",
///            "rows":[[<raw cursor>,["<hash>",…]],…], "null_rows":["<hash>",…]}
class IncrementalTracker {
 public:
  static constexpr size_t kHashHexDigits = 32;         // of a known row: 128 bits
  static constexpr size_t kRowsKeptMax = 1'000'000;    // append: needed for exactness, more is E0439
  static constexpr size_t kRowsKeptMaxMerge = 10'000;  // merge: only saves work; beyond it nothing is kept
  static constexpr int64_t kWindowsMax = 100'000;
  static constexpr int64_t kFutureMicrosMax = 3'600'000'000;

  /// `table.incremental` must be set. `state`: of the last commit, empty on the first run. `from`, `to`: of this run.
  /// Errors: E0443 (kConfig) for a position of another version or shape, E0437 for bounds.
  static Result<IncrementalTracker> Open(const connector::TablePlan& table, const Position& state,
                                         const std::optional<std::string>& from, const std::optional<std::string>& to,
                                         const Clock& clock, const std::optional<Reread>& reread = std::nullopt);

  /// The windows of this run, in order; empty when there is nothing to ask for (start lies after end).
  const std::vector<Window>& windows() const { return windows_; }

  /// Takes in one page; returns the records that are new. Rows at or after the upper bound of the run (--to, or now
  /// minus the lag) are left for a later one, whatever the API was asked for. Single values of another kind than times
  /// or numbers before them move no position; like rows without a cursor they are known again.
  /// Errors: E0437 (values without an order, most of them), E0438 (declared ascending, but is not), E0439.
  Result<AdmittedRows> Admit(const format::json::Page& page, const CaptureLayout& layout);

  /// Called after the last page of window `i`: what it gave is now known to the windows after it.
  Status EndWindow(size_t i);

  /// Where the split resumes if all rows admitted so far are committed; nullopt if that cannot be said here: in the
  /// middle of unordered data, or when this run began after the last position.
  std::optional<Position> PositionMidway() const;
  std::optional<Position> PositionAtWindowEnd() const;

  /// Rows left out so far: older than where reading began, though only newer ones were asked for, so that they count as
  /// read before; and at or after the upper bound.
  int64_t num_older() const { return num_older_; }
  int64_t num_later() const { return num_later_; }

 private:
  using Hashes = std::unordered_map<std::string, uint32_t>;  // hash → how many rows
  struct Less {
    bool operator()(const CursorValue& a, const CursorValue& b) const;
  };
  struct Bound {
    std::optional<CursorValue> exact;
    std::optional<Timestamp> instant;  // wins
  };

  IncrementalTracker(const connector::TablePlan& table, const Clock& clock) : table_(&table), clock_(&clock) {}
  const connector::IncrementalPlan& plan() const { return *table_->incremental; }
  Status Load(const Position& state);
  Status PlanWindows(const std::optional<std::string>& from, const std::optional<std::string>& to);
  Status PlanReread(const Reread& reread);
  Status AddLast(Timestamp begin);
  Result<CursorValue> BoundOfRun(const char* option, const std::string& text) const;
  Status CheckBounds(const std::optional<CursorValue>& from, const std::optional<CursorValue>& to);
  Status AddSteps(Timestamp begin, Timestamp end);
  Result<Timestamp> Rounded(Timestamp time) const;
  bool InFuture(const CursorValue& value) const;
  bool Before(const CursorValue& value, const Bound& bound) const;
  Result<bool> IsLater(const CursorValue& value) const;
  Status CheckOrder(const CursorValue& cursor);
  Bound Threshold() const;
  Result<bool> AlreadyRead(const format::json::Page& page, uint32_t row, const CaptureLayout& layout,
                           const std::optional<CursorValue>& cursor);
  Status Advance(const std::optional<CursorValue>& cursor);
  Status Keep(const format::json::Page& page, uint32_t row, const CaptureLayout& layout,
              const std::optional<CursorValue>& cursor);
  Status KeepRows(const format::json::Page& page, const CaptureLayout& layout, const std::vector<uint32_t>& rows,
                  const std::vector<std::optional<CursorValue>>& cursors);
  void Prune();
  Result<std::string> HashOf(const format::json::Page& page, uint32_t row, const CaptureLayout& layout) const;
  Position Write() const;

  const connector::TablePlan* table_;
  const Clock* clock_;
  std::vector<Window> windows_;
  std::string hash_key_;
  std::optional<CursorValue> cursor_;         // largest so far, the future left out
  std::optional<CursorValue> last_;           // of the row before, for the check of declared order
  std::optional<Timestamp> resume_;           // end of the windows that are complete
  std::optional<Timestamp> window_end_;       // of the window being read
  std::map<CursorValue, Hashes, Less> kept_;  // rows at or after the threshold
  Hashes kept_null_;
  size_t num_kept_ = 0;
  bool keeps_ = true;                          // false: too many rows for a merge, none are kept
  std::map<CursorValue, Hashes, Less> known_;  // what earlier reads gave: rows to drop
  Hashes known_null_;
  Bound floor_;                      // append: rows before it were read by earlier runs
  Bound upper_;                      // rows at or after it are not taken
  std::optional<CursorValue> from_;  // --from, to be compared with the first value seen
  bool rereads_ = false;             // rows at or after upper_ are taken, too, but move no position
  size_t positions_end_ = 0;         // windows from there on move none
  bool asks_exactly_ = false;  // requests carry the lower bound as fine as it is: older rows are no part of the answer
  int64_t num_older_ = 0;
  int64_t num_later_ = 0;
  CursorKinds kinds_;
  bool warned_future_ = false;
  bool advances_ = true;  // false: --from began after the position; the gap between must stay readable
};

/// Builds a nested map from dotted paths ("a.b" → {a: {b: …}}), for expressions over captured fields.
expression::Value MapOfPaths(const std::vector<std::pair<std::string, expression::Value>>& fields);

}  // namespace firn::source::rest
