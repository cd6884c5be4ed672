#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"

namespace firn::pipeline {

/// Runs the selected tables of a project: groups in parallel, each failing alone; records the run in the history.
/// Errors only when nothing was started: kConfig (selection, plan of a source), kBusy (another run of a pipeline is at
/// work on this machine). What happens to single tables is in the result.
Result<RunResult> RunProject(const RunContext& context, std::stop_token stop);

/// Returns a new run id: a version-7 UUID, so that ids sort by time.
std::string NewRunId(const Clock& clock);
/// When a run began, from its id, in milliseconds; nullopt for an id that tells no time.
std::optional<Timestamp> BeganAt(const std::string& run_id);

}  // namespace firn::pipeline
