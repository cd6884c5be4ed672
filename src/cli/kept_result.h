#pragma once

#include "config/project.h"
#include "pipeline/run_result.h"
#include "state/run_history.h"

namespace firn::cli {

/// Keeps the result of a run as <state>/runs/<run id>/result.json; where the history is not on this machine, also with
/// it, and the log too. What fails is logged.
void KeepResult(const config::Project& project, state::RunHistory& history, const pipeline::RunResult& result);

}  // namespace firn::cli
