#pragma once

#include <stop_token>
#include <vector>

#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "pipeline/run_result.h"
#include "source/source.h"

namespace firn::pipeline {

/// Runs one commit group from reading to acknowledgement and says what became of each of its tables. Errors of the
/// group are in the results: a group that fails has committed nothing, but for a stable append, which keeps its
/// progress. Everything is borrowed for the call.
std::vector<TableResult> RunGroup(const RunContext& context, const CommitGroup& group, source::Source& source,
                                  std::stop_token stop);

/// Whether the group failed because somebody else changed its tables meanwhile, and nothing of it is in them: then it
/// may be run again from what the tables hold now, as a further run would. `fenced_too`: also if a newer run owns the
/// stream, for those whose order does not matter.
bool LostRace(const std::vector<TableResult>& results, bool fenced_too = false);

}  // namespace firn::pipeline
