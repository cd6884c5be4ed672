#pragma once

#include <vector>

#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "pipeline/run_result.h"

/// What a run notes in the history: a convenience, so what cannot be written is said in the log and the run goes on.
/// Without a history these do nothing. Called in this order; tables from any thread.
namespace firn::pipeline {

void NoteBegin(const RunContext& context, const std::vector<CommitGroup>& groups);
void NoteTable(const RunContext& context, const TableResult& table);
void NoteEnd(const RunContext& context, const RunResult& result);

}  // namespace firn::pipeline
