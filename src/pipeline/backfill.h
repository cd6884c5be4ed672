#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "pipeline/backfill_range.h"
#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "pipeline/run_result.h"

/// Reads a range of a table once more or for the first time, beside its live stream (docs/guide/deletes.md): streams of
/// its own in the table, whose positions are committed with their rows. What is in the table and newer stays.
namespace firn::pipeline {

/// Where the backfill of a table stands.
struct BackfillStatus {
  BackfillState state;  // of the first worker; `begun` empty: there was none
  int64_t slices = 0;
  int64_t done = 0;
  bool finished() const { return done == slices; }
  bool is_open() const { return !state.begun.empty() && !state.cancelled && !finished(); }
};

struct BackfillRequest {
  const CommitGroup* group = nullptr;  // its first table is read, the others are its children
  std::optional<BackfillRange> range;  // nullopt: go on with what is open
  int64_t workers = 2;                 // slices read at the same time
  /// Called after each slice, by one thread at a time.
  std::function<void(const std::pair<std::string, std::string>& slice, const std::vector<TableResult>& tables)>
      on_slice;
};

/// Errors: kConfig E0810.
Result<BackfillStatus> FindBackfill(const RunContext& context, const CommitGroup& group);

/// Goes on with an open backfill, or begins one. Returns the sums of its tables over all slices of this call; all of
/// them have failed if a slice did, and the slices before it stay. Writes history and log of the run, and sends alerts.
/// Errors, with nothing read: kConfig E0876 for a table that cannot be read so, and for a bad range; E0877 if another
/// one is open, or none to go on with; kBusy if one is at work on this machine.
Result<RunResult> RunBackfill(const RunContext& context, const BackfillRequest& request, std::stop_token stop);

/// Ends an open backfill; what it has read stays. A process that is at work on it is fenced. Errors: as Committer.
Status CancelBackfill(const RunContext& context, const CommitGroup& group, std::stop_token stop);

}  // namespace firn::pipeline
