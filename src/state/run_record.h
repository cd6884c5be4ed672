#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

/// Plain data of the run history; the pipeline fills it, `status`, `runs` and `logs` show it.
namespace firn::state {

/// Command of runs beside the live stream of their table: `runs` lists them, the latest and the usual of a table are
/// those of other runs.
inline constexpr char kBackfillCommand[] = "backfill";

enum class RunState {
  kRunning,
  kCompleted,
  kPartiallyFailed,
  kFailed,
  kCancelled,
  kInterrupted,  // never stored: a running one whose process is gone
};
enum class TableState { kRunning, kCompleted, kFailed, kCancelled };

std::string_view Name(RunState state);  // "partially failed"
std::string_view Name(TableState state);

/// Something about a table that a person should look at, although its load may have ended well.
struct Finding {
  std::string code;       // "E0940"
  std::string text;       // one line, no values of rows
  bool is_error = false;  // else a warning
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// What one run did with one table. Counters are those of pipeline/run_result.h.
struct TableRecord {
  std::string pipeline;
  std::string table;       // as in the configuration
  std::string identifier;  // "shop.orders"
  TableState state = TableState::kRunning;
  std::string reason_code;  // "E0412" or the fault's name; empty if completed
  std::string reason;       // the message, redacted
  std::string next;         // command to type
  int64_t rows_read = 0, rows_appended = 0, rows_inserted = 0, rows_updated = 0, rows_deleted = 0;
  int64_t rows_unchanged = 0;  // rows_skipped and rows_duplicates
  int64_t rows_skipped = 0;    // boundary rows, rows that changed nothing
  int64_t rows_duplicates = 0;
  int64_t rows_quarantined = 0;
  int64_t source_bytes = 0;                                         // response bodies
  int64_t data_bytes = 0;                                           // Parquet files written
  int64_t requests = 0, throttled = 0, retries = 0, waited_ms = 0;  // throttled: 429 and 503 with Retry-After
  int64_t commits = 0;
  std::optional<int64_t> snapshot_id;  // of the last commit
  std::string cursor_before;           // short form for people
  std::string cursor_after;
  std::vector<std::string> schema_changes;
  std::vector<std::string> warnings;
  std::optional<Timestamp> fresh_to;  // newest value of the cursor or time column that the table has, if it is known
  std::vector<Finding> findings;
  bool ordinary = true;                // neither a window, nor cut, nor read anew by hand: its counts say what is usual
  std::optional<Timestamp> loaded_at;  // start of the last run that completed the table, this one or an earlier one
  bool reconcile_pass = false;         // the run read again what lies before the position
  std::optional<Timestamp> reconciled_at;  // start of the last such run; of an earlier one if this one failed
  int64_t duration_ms = 0;
};

struct RunRecord {
  std::string run_id;
  std::string pipeline;  // or several, with ", " between
  std::string environment;
  std::string command;   // "run", "retry", "copy"
  std::string lake;      // absolute location
  std::string log_file;  // JSON lines of the run; empty: none
  RunState state = RunState::kRunning;
  int32_t exit_code = 0;
  Timestamp started;
  std::optional<Timestamp> finished;
  int64_t process_id = 0;
  std::vector<TableRecord> tables;  // in the order they were recorded
};

/// The latest of a table, for `firn status`.
struct TableStatus {
  std::string run_id;  // of `last`
  Timestamp run_started;
  RunState run_state = RunState::kCompleted;
  TableRecord last;                       // the newest run's record
  std::optional<Timestamp> last_success;  // when a run last completed this table
  std::optional<int64_t> last_snapshot_id;
  int64_t failures_in_a_row = 0;
};

}  // namespace firn::state
