#include "pipeline/run.h"

#include <algorithm>
#include <atomic>
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
#include "io/http_session.h"
#include "io/rate_budget.h"
#include "pipeline/alerts.h"
#include "pipeline/group_runner.h"
#include "pipeline/history_note.h"
#include "pipeline/lineage.h"
#include "pipeline/pool_slots.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine_staging.h"
#include "pipeline/raw_retention.h"
#include "pipeline/run_leases.h"
#include "pipeline/run_log.h"
#include "pipeline/run_plan.h"
#include "pipeline/shared_rates.h"
#include "pipeline/table_watch.h"
#include "pipeline/tuner.h"
#include "source/registry.h"
#include "state/refresh_tokens.h"

namespace firn::pipeline {
namespace {

/// The sources of a run with the clients that only they use.
struct Sources {
  std::map<const config::PipelineConfig*, std::unique_ptr<LimitedHttp>> clients;
  std::map<const config::PipelineConfig*, std::unique_ptr<source::Source>> by_pipeline;
};

// Shows that a table waits, and why.
void TellWait(const RunContext& context, const config::PipelineConfig& pipeline, const std::string& table,
              const io::HttpWait& wait) {
  const std::string why = ProcessRedactor().Redact(wait.error.message().substr(0, wait.error.message().find('\n')));
  log::Info("waiting to ask again", {{"table", pipeline.dataset + "." + table},
                                     {"delay_ms", wait.wait.delay_ms},
                                     {"attempt", wait.wait.attempt},
                                     {"gives_up_ms", wait.wait.left_ms},
                                     {"reason", why}});
  const config::TableConfig* config = pipeline.FindTable(table);
  TableProgress* progress =
      config == nullptr ? nullptr : context.progress.Find(IdentifierOf(pipeline, *config).ToString());
  if (progress == nullptr) return;
  progress->Wait({.delay_ms = wait.wait.delay_ms,
                  .gives_up_ms = wait.wait.left_ms,
                  .attempt = wait.wait.attempt,
                  .attempts_max = wait.wait.attempts_max,
                  .why = why,
                  .until = context.clock.Steady() + std::chrono::milliseconds(wait.wait.delay_ms)});
}

Result<Sources> BuildSources(const RunContext& context, io::RateBudgets& budgets, const state::RefreshTokens& tokens,
                             PoolSlots& slots, const Tuner& tuner, const std::vector<CommitGroup>& groups) {
  Sources sources;
  for (const CommitGroup& group : groups) {
    if (sources.by_pipeline.contains(group.pipeline)) continue;
    auto& client = sources.clients[group.pipeline];
    client = std::make_unique<LimitedHttp>(context.http, slots, *group.pipeline);
    source::Services services{.http = client.get(),
                              .clock = &context.clock,
                              .budgets = &budgets,
                              .background = context.options.full_refresh || context.options.reconcile,
                              .refresh_tokens = &tokens,
                              .open_files = context.open_files,
                              .memory_bytes = context.budget.total_bytes(),
                              .scratch_folder = context.project.state_folder,
                              .excerpt = context.options.excerpt,
                              .pool = context.pool};
    services.on_wait = [&context, pipeline = group.pipeline](const std::string& table, const io::HttpWait& wait) {
      TellWait(context, *pipeline, table, wait);
    };
    ARROW_ASSIGN_OR_RAISE(
        sources.by_pipeline[group.pipeline],
        context.sources.Build({.project = &context.project, .pipeline = &tuner.Tuned(*group.pipeline)}, services));
  }
  return sources;
}

using Leases = std::vector<std::unique_ptr<state::HeldLease>>;

Result<Leases> TakeLeases(const RunContext& context, const std::vector<CommitGroup>& groups) {
  std::set<std::string> names;  // sorted, so that two runs take them in the same order
  for (const CommitGroup& group : groups) names.insert(group.pipeline->name);
  Leases leases;
  for (const std::string& name : names) {
    ARROW_ASSIGN_OR_RAISE(leases.emplace_back(), AcquireLease(context, "pipeline-" + name));
  }
  return leases;
}

// A group that lost a race is run once more: what a person would do next.
std::vector<TableResult> RunGroupPatiently(const RunContext& context, const CommitGroup& group, source::Source& source,
                                           std::stop_token stop) {
  std::vector<TableResult> results = RunGroup(context, group, source, stop);
  if (!LostRace(results) || stop.stop_requested()) return results;
  log::Info("tables changed meanwhile, reading again", {{"table", results.front().identifier}});
  return RunGroup(context, group, source, stop);
}

// The results of a group that got no turn.
std::vector<TableResult> NotRun(const CommitGroup& group, const Status& why) {
  std::vector<TableResult> results;
  for (const auto* table : group.tables) {
    results.push_back({.pipeline = group.pipeline->name,
                       .table = table->name,
                       .identifier = IdentifierOf(*group.pipeline, *table).ToString(),
                       .state = FaultOf(why) == Fault::kCancelled ? TableState::kCancelled : TableState::kFailed,
                       .error = why});
  }
  return results;
}

std::vector<TableResult> RunInTurn(const RunContext& context, const CommitGroup& group, Sources& sources,
                                   PoolSlots& slots, const std::stop_token& stop) {
  const Status entered = slots.Enter(group, stop);
  auto results = entered.ok() ? RunGroupPatiently(context, group, *sources.by_pipeline.at(group.pipeline), stop)
                              : NotRun(group, entered);
  slots.Leave(group);
  return results;
}

void BeginLineage(const RunContext& context, const CommitGroup& group) {
  for (const auto* table : group.tables) context.lineage->Begin(context.run_id, *group.pipeline, *table);
}

// Runs the groups on a bounded number of threads; results in the order of the groups.
Status RunGroups(const RunContext& context, const std::vector<CommitGroup>& groups, Sources& sources, PoolSlots& slots,
                 Tuner& tuner, std::vector<std::vector<TableResult>>* results, std::stop_token stop) {
  std::atomic<size_t> next{0};
  TaskGroup workers;  // not tied to `stop`: a stopped group still has to say what became of it
  const int count = std::min<int>(context.options.groups_in_parallel, static_cast<int>(groups.size()));
  for (int i = 0; i < count; ++i) {
    workers.Spawn([&](std::stop_token) {
      for (size_t at = next++; at < groups.size(); at = next++) {
        if (context.lineage != nullptr) BeginLineage(context, groups[at]);
        (*results)[at] = RunInTurn(context, groups[at], sources, slots, stop);
        for (size_t k = 0; k < (*results)[at].size(); ++k) {
          TableResult& table = (*results)[at][k];
          WatchTable(context, *groups[at].tables[k], &table);
          tuner.Learn(*groups[at].pipeline, *groups[at].tables[k], &table);
          RunLog::Table(table);
          if (context.lineage != nullptr) {
            context.lineage->End(context.run_id, *groups[at].pipeline, *groups[at].tables[k], table, context.catalog);
          }
          NoteTable(context, table);
        }
      }
      return Status::OK();
    });
  }
  return workers.Join();
}

// What the run leaves behind is put in order. Nothing of this can fail a run whose rows are committed.
void CleanUp(const RunContext& context, const std::vector<CommitGroup>& groups, QuarantineStaging& staging) {
  if (const Status ended = staging.End(); !ended.ok()) {
    log::Warn("staging record of the quarantine kept", {{"reason", ended.message()}});
  }
  for (const CommitGroup& group : groups) {
    for (const auto* table : group.tables) {
      const auto swept = RemoveExpiredRaw(context, *group.pipeline, *table, {});
      if (!swept.ok()) {
        log::Warn("old raw bodies not removed", {{"table", table->name}, {"reason", swept.status().message()}});
        continue;
      }
      if (swept->removed > 0) {
        log::Info("old raw bodies removed", {{"table", table->name}, {"runs", swept->removed}});
      }
      if (swept->kept > 0) {
        log::Warn("old raw bodies kept, rederive needs them",
                  {{"table", table->name}, {"runs", swept->kept}, {"next", "firn raw prune " + table->name}});
      }
    }
  }
}

}  // namespace

std::string NewRunId(const Clock& clock) {
  return MakeUuid7(clock).ToString();
}

std::optional<Timestamp> BeganAt(const std::string& run_id) {
  const auto uuid = ParseUuid(run_id);
  if (!uuid.ok() || (uuid->bytes[6] >> 4) != 7) return std::nullopt;
  int64_t ms = 0;  // the first 48 bits of a UUID of version 7, since 1970
  for (size_t i = 0; i < 6; ++i) ms = ms * 256 + uuid->bytes[i];
  return Timestamp{.micros = ms * 1000};
}

Result<RunResult> RunProject(const RunContext& context, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto groups, PlanGroups(context.project, context.options.selection));
  io::RateBudgets budgets(context.clock, SleepScale(), ShareRates(context));
  const std::string& secrets = context.secrets_folder;
  const state::RefreshTokens tokens(secrets.empty() ? context.project.state_folder + "/secrets" : secrets,
                                    context.clock, context.secrets, context.leases);
  PoolSlots slots(context, groups);
  Tuner tuner(context, groups);
  ARROW_ASSIGN_OR_RAISE(auto sources, BuildSources(context, budgets, tokens, slots, tuner, groups));
  ARROW_ASSIGN_OR_RAISE(auto leases, TakeLeases(context, groups));
  const RunLog log(context);
  NoteBegin(context, groups);
  std::vector<std::vector<TableResult>> results(groups.size());
  RunContext own = context;
  QuarantineStaging staging(own);
  own.quarantine_staging = &staging;
  ARROW_RETURN_NOT_OK(RunGroups(own, groups, sources, slots, tuner, &results, stop));
  tuner.Keep();
  CleanUp(own, groups, staging);
  RunResult out{.run_id = context.run_id,
                .environment = context.project.environment,
                .lake = context.project.lake.warehouse,
                .started = context.loaded_at,
                .finished = context.clock.Now()};
  for (auto& group : results) std::move(group.begin(), group.end(), std::back_inserter(out.tables));
  RunLog::End(out);
  NoteEnd(context, out);
  leases.clear();  // the next run need not wait for whoever is told about this one
  SendAlerts({.project = context.project, .http = context.http, .clock = context.clock}, &out);
  return out;
}

}  // namespace firn::pipeline
