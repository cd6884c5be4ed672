#include "pipeline/history_note.h"

#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "pipeline/run_log.h"
#include "pipeline/table_record.h"
#include "state/run_history.h"

namespace firn::pipeline {
namespace {

void Tell(const Status& status) {
  if (!status.ok()) log::Warn("run history not written", {{"reason", status.message()}});
}

state::RunState HistoryState(const RunResult& result) {
  const std::string name = result.StateName();
  if (name == "completed") return state::RunState::kCompleted;
  if (name == "partially failed") return state::RunState::kPartiallyFailed;
  return name == "cancelled" ? state::RunState::kCancelled : state::RunState::kFailed;
}

}  // namespace

void NoteBegin(const RunContext& context, const std::vector<CommitGroup>& groups) {
  if (context.history == nullptr) return;
  state::RunRecord record;
  record.run_id = context.run_id;
  std::set<std::string> names;
  for (const CommitGroup& group : groups) names.insert(group.pipeline->name);
  for (const std::string& name : names) record.pipeline += (record.pipeline.empty() ? "" : ", ") + name;
  record.environment = context.project.environment;
  record.command = context.options.command;
  record.lake = context.project.lake.warehouse;
  record.log_file = RunLog::PathOf(context.project, context.run_id);
  record.started = context.loaded_at;
  Tell(context.history->Begin(std::move(record)));
}

void NoteTable(const RunContext& context, const TableResult& table) {
  if (context.history != nullptr) Tell(context.history->RecordTable(context.run_id, RecordOf(table)));
}

void NoteEnd(const RunContext& context, const RunResult& result) {
  if (context.history == nullptr) return;
  Tell(context.history->Finish(context.run_id, HistoryState(result), result.ExitCode()));
}

}  // namespace firn::pipeline
