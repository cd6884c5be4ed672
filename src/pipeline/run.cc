#include "pipeline/run.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "base/redactor.h"
#include "base/task_group.h"
#include "base/uuid.h"
#include "config/diagnostic.h"
#include "connector/native/lower.h"
#include "io/rate_budget.h"
#include "pipeline/group_runner.h"
#include "pipeline/run_plan.h"
#include "source/rest/source.h"
#include "state/lease.h"
#include "state/run_history.h"

namespace firn::pipeline {
namespace {

using Sources = std::map<const config::PipelineConfig*, std::unique_ptr<source::Source>>;

Result<Sources> BuildSources(const RunContext& context, io::RateBudgets& budgets,
                             const std::vector<CommitGroup>& groups) {
  Sources sources;
  for (const CommitGroup& group : groups) {
    if (sources.contains(group.pipeline)) continue;
    config::Diagnostics diagnostics;
    ARROW_ASSIGN_OR_RAISE(auto plan, connector::LowerNative(context.project, *group.pipeline, &diagnostics));
    ARROW_ASSIGN_OR_RAISE(sources[group.pipeline],
                          source::rest::MakeRestSource(
                              std::move(plan), {.http = &context.http, .clock = &context.clock, .budgets = &budgets}));
  }
  return sources;
}

Result<std::vector<state::Lease>> TakeLeases(const RunContext& context, const std::vector<CommitGroup>& groups) {
  std::set<std::string> names;  // sorted, so that two runs take them in the same order
  for (const CommitGroup& group : groups) names.insert(group.pipeline->name);
  std::vector<state::Lease> leases;
  for (const std::string& name : names) {
    ARROW_ASSIGN_OR_RAISE(auto lease, state::Lease::Acquire(context.clock, context.project.state_folder + "/locks",
                                                            "pipeline-" + name, context.run_id));
    leases.push_back(std::move(lease));
  }
  return leases;
}

state::TableState HistoryState(TableState state) {
  switch (state) {
    case TableState::kCompleted:
      return state::TableState::kCompleted;
    case TableState::kFailed:
      return state::TableState::kFailed;
    case TableState::kCancelled:
      return state::TableState::kCancelled;
  }
  return state::TableState::kFailed;
}

state::TableRecord RecordOf(const TableResult& result) {
  state::TableRecord record;
  record.pipeline = result.pipeline;
  record.table = result.table;
  record.identifier = result.identifier;
  record.state = HistoryState(result.state);
  if (!result.error.ok()) {
    const ErrorContext* detail = ContextOf(result.error);
    record.reason_code =
        detail != nullptr && !detail->code.empty() ? detail->code : std::string(FaultName(FaultOf(result.error)));
    record.reason = ProcessRedactor().Redact(result.error.message());
    if (detail != nullptr) record.next = detail->next;
  }
  record.rows_read = result.rows.read;
  record.rows_appended = result.rows.appended;
  record.rows_inserted = result.rows.inserted;
  record.rows_updated = result.rows.updated;
  record.rows_deleted = result.rows.deleted;
  record.rows_unchanged = result.rows.skipped + result.rows.duplicates;
  record.rows_quarantined = result.rows.quarantined;
  record.source_bytes = result.requests.body_bytes;
  record.data_bytes = result.data_bytes;
  record.requests = result.requests.num_requests;
  record.throttled = result.requests.num_throttled;
  record.retries = result.requests.num_retries;
  record.waited_ms = result.requests.waited_ms;
  record.commits = result.num_commits;
  record.snapshot_id = result.snapshot_id;
  record.cursor_before = result.position_before;
  record.cursor_after = result.position_after;
  record.schema_changes = result.schema_changes;
  record.warnings = result.warnings;
  record.duration_ms = static_cast<int64_t>(result.seconds * 1000);
  return record;
}

// The history is a convenience: what cannot be written is said and the run goes on.
void Note(const Status& status) {
  if (!status.ok()) log::Warn("run history not written", {{"reason", status.message()}});
}

void BeginHistory(const RunContext& context, const std::vector<CommitGroup>& groups) {
  if (context.history == nullptr) return;
  state::RunRecord record;
  record.run_id = context.run_id;
  std::set<std::string> names;
  for (const CommitGroup& group : groups) names.insert(group.pipeline->name);
  for (const std::string& name : names) record.pipeline += (record.pipeline.empty() ? "" : ", ") + name;
  record.environment = context.project.environment;
  record.command = context.options.command;
  record.lake = context.project.lake.warehouse;
  record.log_file = context.project.state_folder + "/runs/" + context.run_id + "/log.jsonl";
  record.started = context.loaded_at;
  Note(context.history->Begin(std::move(record)));
}

state::RunState HistoryState(const RunResult& result) {
  const std::string name = result.StateName();
  if (name == "completed") return state::RunState::kCompleted;
  if (name == "partially failed") return state::RunState::kPartiallyFailed;
  return name == "cancelled" ? state::RunState::kCancelled : state::RunState::kFailed;
}

// Runs the groups on a bounded number of threads; results in the order of the groups.
Status RunGroups(const RunContext& context, const std::vector<CommitGroup>& groups, Sources& sources,
                 std::vector<std::vector<TableResult>>* results, std::stop_token stop) {
  std::atomic<size_t> next{0};
  TaskGroup workers;  // not tied to `stop`: a stopped group still has to say what became of it
  const int count = std::min<int>(context.options.groups_in_parallel, static_cast<int>(groups.size()));
  for (int i = 0; i < count; ++i) {
    workers.Spawn([&](std::stop_token) {
      for (size_t at = next++; at < groups.size(); at = next++) {
        (*results)[at] = RunGroup(context, groups[at], *sources.at(groups[at].pipeline), stop);
        for (const TableResult& table : (*results)[at]) {
          if (context.history != nullptr) Note(context.history->RecordTable(context.run_id, RecordOf(table)));
        }
      }
      return Status::OK();
    });
  }
  return workers.Join();
}

}  // namespace

std::string NewRunId(const Clock& clock) {
  return MakeUuid7(clock).ToString();
}

Result<RunResult> RunProject(const RunContext& context, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto groups, PlanGroups(context.project, context.options.select));
  io::RateBudgets budgets(context.clock, SleepScale());
  ARROW_ASSIGN_OR_RAISE(auto sources, BuildSources(context, budgets, groups));
  std::error_code error;
  std::filesystem::create_directories(context.project.state_folder, error);
  if (error) {
    return MakeError(Fault::kConfig,
                     "the state folder cannot be made: " + context.project.state_folder + ": " + error.message());
  }
  ARROW_ASSIGN_OR_RAISE(const auto leases, TakeLeases(context, groups));
  BeginHistory(context, groups);
  std::vector<std::vector<TableResult>> results(groups.size());
  ARROW_RETURN_NOT_OK(RunGroups(context, groups, sources, &results, stop));
  RunResult out{.run_id = context.run_id,
                .environment = context.project.environment,
                .lake = context.project.lake.warehouse,
                .started = context.loaded_at,
                .finished = context.clock.Now()};
  for (auto& group : results) std::move(group.begin(), group.end(), std::back_inserter(out.tables));
  if (context.history != nullptr) Note(context.history->Finish(context.run_id, HistoryState(out), out.ExitCode()));
  return out;
}

}  // namespace firn::pipeline
