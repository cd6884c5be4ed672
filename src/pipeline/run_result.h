#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "pipeline/check_result.h"
#include "pipeline/tuned_setting.h"
#include "source/source.h"
#include "state/run_record.h"

namespace firn::pipeline {

enum class TableState { kCompleted, kFailed, kCancelled };

/// The row counters of one table in one run. The same words in progress, logs, JSON and `firn runs`.
struct RowCounts {
  int64_t read = 0;        // records of the source that belong to the table
  int64_t appended = 0;    // append and replace
  int64_t inserted = 0;    // merge: new keys
  int64_t updated = 0;     // merge: known keys; scd2: versions that ended or were corrected
  int64_t deleted = 0;     // merge: keys removed by a tombstone; delete_insert, replaced partitions: rows
  int64_t skipped = 0;     // boundary rows that an earlier read already gave; rows that changed nothing
  int64_t duplicates = 0;  // merge: rows superseded inside the load
  int64_t quarantined = 0;
};

/// What became of one message that an alert of the project asked for.
struct AlertOutcome {
  std::string event;  // "failure"
  std::string by;     // "webhook", "command" or "email"
  std::string error;  // why it was not delivered, without addresses; empty: it was
};

/// What became of one table.
struct TableResult {
  std::string pipeline;
  std::string table;       // as in the configuration
  std::string identifier;  // "shop.orders"
  TableState state = TableState::kCompleted;
  Status error;  // of kFailed and kCancelled
  RowCounts rows;
  source::ReadStats requests;
  std::optional<int64_t> snapshot_id;  // of the last commit of this run; nullopt: nothing was committed
  int64_t num_commits = 0;
  int64_t data_bytes = 0;       // of the Parquet files written
  std::string position_before;  // JSON
  std::string position_after;
  std::string cursor_before;  // short form for people
  std::string cursor_after;
  std::vector<std::string> schema_changes;  // "+ column coupon string"
  std::vector<std::string> warnings;        // each with its cure
  int64_t files_compacted = 0;              // data files that maintenance after the load put together
  std::vector<CheckResult> checks;
  std::optional<bool> published;           // of `publish: audit`: main holds what was loaded
  std::vector<state::Finding> findings;    // what is unusual (table_watch.h)
  bool ordinary = true;                    // its counts say what is usual
  std::optional<Timestamp> fresh_to;       // newest value of the time column that the table has
  std::optional<Timestamp> loaded_at;      // start of the last run that completed it, this one included
  std::optional<int64_t> age_seconds;      // of what `freshness` looks at, when the run ended
  bool reconcile_pass = false;             // it read again what lies before the position
  std::optional<Timestamp> reconciled_at;  // start of the last pass, or of the first read of all
  std::optional<Timestamp> next_pass;      // nullopt: the table has none
  std::vector<AlertOutcome> alerts;
  std::vector<TuningDecision> tuning;  // for the next run
  double seconds = 0;

  int64_t rows_written() const { return rows.appended + rows.inserted + rows.updated; }
};

struct RunResult {
  std::string run_id;
  std::string environment;
  std::string lake;  // absolute
  Timestamp started;
  Timestamp finished;
  std::vector<TableResult> tables;

  int64_t CountOf(TableState state) const;
  /// "completed", "partially failed", "failed" or "cancelled".
  std::string StateName() const;
  /// The process's exit code (DESIGN.md §7): 0 all completed; 3 some; if none completed, the code of their common
  /// class, else 1; 130 when the run was stopped.
  int ExitCode() const;
};

/// Returns the exit code of one error: 2 configuration, 4 credentials, 5 unreachable, 6 contract, 7 busy, 130
/// cancelled, else 1.
int ExitCodeOf(const Status& error);

/// The code of what is wrong with a table ("E0412", "contract"), of an error before that of a finding; empty if
/// nothing.
std::string ReasonCodeOf(const Status& error, const std::vector<state::Finding>& findings);
/// "ok", "warning" or "error".
std::string_view ConditionOf(bool failed, const std::vector<state::Finding>& findings);

/// Returns the result as one JSON object (docs/reference/result.md, result.schema.json), version 1.
std::string ToJson(const RunResult& result);
/// One table of it. `for_alerts`: without positions and cursors, which hold values of rows.
std::string ToJson(const TableResult& table, bool for_alerts = false);
/// Returns what stands there for a run that could not begin: state `failed`, the `error`, no tables.
std::string ToJson(const Status& error);

}  // namespace firn::pipeline
