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

}  // namespace firn::pipeline
