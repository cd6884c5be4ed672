#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "source/source.h"

namespace firn::pipeline {

enum class TableState { kCompleted, kFailed, kCancelled };

/// The row counters of one table in one run. The same words in progress, logs, JSON and `firn runs`.
struct RowCounts {
  int64_t read = 0;        // records of the source that belong to the table
  int64_t appended = 0;    // append and replace
  int64_t inserted = 0;    // merge: new keys
  int64_t updated = 0;     // merge: known keys
  int64_t deleted = 0;     // merge: keys removed by a tombstone
  int64_t skipped = 0;     // boundary rows that an earlier read already gave
  int64_t duplicates = 0;  // merge: rows superseded inside the load
  int64_t quarantined = 0;
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
  std::string position_before;  // JSON, short form for people
  std::string position_after;
  std::vector<std::string> schema_changes;  // "+ column coupon string"
  std::vector<std::string> warnings;        // each with its cure
  double seconds = 0;
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

/// Returns the result as one JSON object (docs/reference/result.md), version 1.
std::string ToJson(const RunResult& result);

}  // namespace firn::pipeline
