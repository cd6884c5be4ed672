#include "pipeline/backfill.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/backoff.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/task_group.h"
#include "io/rate_budget.h"
#include "pipeline/alerts.h"
#include "pipeline/column_naming.h"
#include "pipeline/group_runner.h"
#include "pipeline/history_note.h"
#include "pipeline/pool_slots.h"
#include "pipeline/progress.h"
#include "pipeline/run.h"
#include "pipeline/run_leases.h"
#include "pipeline/run_log.h"
#include "pipeline/shared_rates.h"
#include "source/registry.h"
#include "state/refresh_tokens.h"
#include "table/commit/committer.h"
#include "table/write/order_value.h"

namespace firn::pipeline {
namespace {

constexpr int kTriesMax = 5;  // of a slice whose table changed meanwhile

std::string SuffixOf(int64_t worker) {
  return kBackfillMark + std::to_string(worker);
}

std::string StreamOf(const CommitGroup& group, int64_t worker) {
  return StreamIdOf(*group.pipeline, *group.tables.front()) + SuffixOf(worker);
}

Result<table::OpenedStream> OpenWorker(const RunContext& context, const CommitGroup& group, int64_t worker) {
  const config::TableConfig& table = *group.tables.front();
  return context.committer.OpenStreamOn(BranchOf(table), IdentifierOf(*group.pipeline, table), StreamOf(group, worker));
}

/// Why the rows of a range could take the place of newer ones, or come twice; empty: they cannot.
std::string WhyNot(const config::TableConfig& table, const schema::Schema& schema) {
  using config::MergeStrategy;
  if (!table.parent.empty()) return "it is a child: backfill its parent `" + table.parent + "`";
  if (!table.incremental) return "it has no `incremental` cursor by which a range could be asked for";
  if (table.audit) return "its loads go to a branch (`publish: audit`)";
  if (table.write_disposition == config::WriteDisposition::kAppend) {
    if (table.dedupe && !table.dedupe->window_ms) return "";
    return "it appends, and rows that are there would come twice; set `dedupe_key`, or a primary_key to merge";
  }
  switch (table.merge.strategy) {
    case MergeStrategy::kInsertOnly:
      return "";
    case MergeStrategy::kDeleteInsert:
      return "delete_insert replaces groups of rows whole";
    case MergeStrategy::kScd2:
      return table.merge.history.changed_at.empty() ? "without `scd2: {changed_at}` old rows would count from now on"
                                                    : "";
    case MergeStrategy::kUpsert:
      break;
  }
  if (table.merge.mode == config::MergeMode::kCopyOnWrite) return "`merge_mode: copy_on_write` cannot compare versions";
  if (!table.merge.sequence_by.empty()) return "";
  const schema::Field* cursor = ColumnOfKey(schema, table.incremental->cursor);
  const bool ordered = cursor != nullptr && !cursor->type->is_nested() && table::IsOrderable(*cursor->type);
  return ordered ? "" : "its cursor is no column of numbers or times, by which the newer of two rows would be told";
}

Status CheckTable(const RunContext& context, const CommitGroup& group) {
  const config::TableConfig& table = *group.tables.front();
  ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(IdentifierOf(*group.pipeline, table)));
  const std::string why = loaded ? WhyNot(table, loaded->metadata->schema()) : "it does not exist yet";
  if (why.empty()) return Status::OK();
  return MakeError(Fault::kConfig, "table " + table.name + " cannot be backfilled: " + why,
                   {.code = "E0876",
                    .where = context.project.WhereIs(table.config_path),
                    .state = "nothing was changed",
                    .next = loaded ? "firn explain E0876" : "firn run --select " + table.name});
}

Status Undecided(const CommitGroup& group, const std::string& message) {
  const std::string& name = group.tables.front()->name;
  return MakeError(
      Fault::kConfig, message,
      {.code = "E0877",
       .state = "nothing was changed",
       .next = "firn backfill " + name + " --status; without --from and --to it goes on, --cancel ends it"});
}

class Backfill {
 public:
  Backfill(const RunContext& context, const BackfillRequest& request)
      : context_(context), request_(request), group_(*request.group) {}

  Result<RunResult> Run(std::stop_token stop) {
    ARROW_RETURN_NOT_OK(CheckTable(context_, group_));
    ARROW_ASSIGN_OR_RAISE(auto lease,
                          AcquireLease(context_, "backfill-" + StreamIdOf(*group_.pipeline, *group_.tables.front())));
    PoolSlots slots(context_, {group_});
    ARROW_RETURN_NOT_OK(slots.Enter(group_, stop));
    ARROW_RETURN_NOT_OK(Decide(stop));
    ARROW_ASSIGN_OR_RAISE(slices_, SlicesOf(state_.range, *group_.tables.front()->incremental));
    io::RateBudgets budgets(context_.clock, SleepScale(), ShareRates(context_));
    const state::RefreshTokens tokens(context_.project.state_folder + "/secrets", context_.clock, context_.secrets,
                                      context_.leases);
    LimitedHttp http(context_.http, slots, *group_.pipeline);
    const source::Services services{.http = &http,
                                    .clock = &context_.clock,
                                    .budgets = &budgets,
                                    .background = true,
                                    .refresh_tokens = &tokens,
                                    .memory_bytes = context_.budget.total_bytes(),
                                    .scratch_folder = context_.project.state_folder};
    ARROW_ASSIGN_OR_RAISE(
        source_, context_.sources.Build({.project = &context_.project, .pipeline = group_.pipeline}, services));
    const RunLog log(context_);
    NoteBegin(context_, {group_});
    RunResult out{.run_id = context_.run_id,
                  .environment = context_.project.environment,
                  .lake = context_.project.lake.warehouse,
                  .started = context_.loaded_at,
                  .tables = Results(ReadSlices(stop))};
    for (const TableResult& table : out.tables) {
      RunLog::Table(table);
      NoteTable(context_, table);
    }
    out.finished = context_.clock.Now();
    RunLog::End(out);
    NoteEnd(context_, out);
    source_.reset();  // it has borrowed what ends here
    slots.Leave(group_);
    lease.reset();  // whoever goes on need not wait for those who are told
    SendAlerts({.project = context_.project, .http = context_.http, .clock = context_.clock}, &out);
    return out;
  }

 private:
  Status ReadSlices(const std::stop_token& stop) {
    TaskGroup workers(stop);
    for (int64_t worker = 0; worker < state_.workers; ++worker) {
      workers.Spawn([this, worker](std::stop_token token) { return Work(worker, std::move(token)); });
    }
    return workers.Join();
  }

  std::vector<TableResult> Results(const Status& read) {
    if (sums_.empty()) {
      for (const auto* table : group_.tables) {
        sums_.push_back({.pipeline = group_.pipeline->name,
                         .table = table->name,
                         .identifier = IdentifierOf(*group_.pipeline, *table).ToString()});
      }
    }
    const bool stopped = !read.ok() && FaultOf(read) == Fault::kCancelled;
    for (TableResult& table : sums_) {
      table.ordinary = false;
      table.error = read;
      if (!read.ok()) table.state = stopped ? TableState::kCancelled : TableState::kFailed;
    }
    return std::move(sums_);
  }

  // Which backfill this is. The first worker's state says it, and is written before any slice is read.
  Status Decide(std::stop_token stop) {
    ARROW_ASSIGN_OR_RAISE(const BackfillStatus found, FindBackfill(context_, group_));
    ARROW_ASSIGN_OR_RAISE(const std::string fingerprint,
                          FingerprintOf(context_.sources, *group_.pipeline, *group_.tables.front()));
    if (found.is_open() && found.state.fingerprint != fingerprint) {
      return Undecided(group_, "cursor, key, disposition or address changed since the backfill began");
    }
    if (found.is_open() && (!request_.range || *request_.range == found.state.range)) {
      state_ = found.state;
      return Status::OK();
    }
    if (found.is_open()) {
      return Undecided(group_, "a backfill from " + found.state.range.from + " to " + found.state.range.to +
                                   " is open: " + std::to_string(found.done) + " of " + std::to_string(found.slices) +
                                   " slices are done");
    }
    if (!request_.range) return Undecided(group_, "no backfill is open that could go on");
    ARROW_ASSIGN_OR_RAISE(const Slices slices, SlicesOf(*request_.range, *group_.tables.front()->incremental));
    state_ = {.fingerprint = fingerprint,
              .begun = context_.run_id,
              .range = *request_.range,
              .workers = std::clamp<int64_t>(request_.workers, 1, static_cast<int64_t>(slices.size()))};
    FIRN_FAILPOINT("backfill.begin");
    return context_.committer
        .ForceState(IdentifierOf(*group_.pipeline, *group_.tables.front()), StreamOf(group_, 0),
                    WriteBackfillState(state_), context_.run_id, std::move(stop))
        .status();
  }

  Status Work(int64_t worker, std::stop_token stop) {
    ARROW_ASSIGN_OR_RAISE(const auto opened, OpenWorker(context_, group_, worker));
    ARROW_ASSIGN_OR_RAISE(BackfillState state, ParseBackfillState(opened.state));
    if (state.begun != state_.begun) {  // of an older backfill
      state = state_;
      state.done = 0;
    }
    state.worker = worker;
    const auto total = static_cast<int64_t>(slices_.size());
    while (state.done < SharesOf(total, state.workers, worker)) {
      const auto& slice = slices_[static_cast<size_t>(worker + state.done * state.workers)];
      ++state.done;
      ARROW_RETURN_NOT_OK(ReadSlice(slice, state, stop));
    }
    return Status::OK();
  }

  Status ReadSlice(const std::pair<std::string, std::string>& slice, const BackfillState& after, std::stop_token stop) {
    FIRN_FAILPOINT("backfill.slice");
    std::vector<TableResult> results;
    for (int tries = 1;; ++tries) {
      RunProgress progress;
      RunContext own{.project = context_.project,
                     .clock = context_.clock,
                     .sources = context_.sources,
                     .files = context_.files,
                     .catalog = context_.catalog,
                     .committer = context_.committer,
                     .http = context_.http,
                     .history = nullptr,
                     .budget = context_.budget,
                     .pool = context_.pool,
                     .progress = progress,
                     .options = context_.options,
                     .run_id = NewRunId(context_.clock),
                     .loaded_at = context_.loaded_at};
      own.options.from = slice.first;
      own.options.to = slice.second;
      own.options.backfill = BackfillSlice{.stream_suffix = SuffixOf(after.worker), .state = WriteBackfillState(after)};
      results = RunGroup(own, group_, *source_, stop);
      if (!LostRace(results) || tries == kTriesMax || stop.stop_requested()) break;
      log::Info("tables changed meanwhile, reading the slice again", {{"from", slice.first}, {"to", slice.second}});
    }
    for (const TableResult& table : results) ARROW_RETURN_NOT_OK(table.error);
    const std::lock_guard lock(mutex_);
    Add(results);
    if (request_.on_slice) request_.on_slice(slice, results);
    return Status::OK();
  }

  void Add(const std::vector<TableResult>& results) {
    if (sums_.empty()) {
      sums_ = results;
      return;
    }
    for (size_t i = 0; i < results.size(); ++i) {
      RowCounts& sum = sums_[i].rows;
      const RowCounts& rows = results[i].rows;
      sum.read += rows.read;
      sum.appended += rows.appended;
      sum.inserted += rows.inserted;
      sum.updated += rows.updated;
      sum.deleted += rows.deleted;
      sum.skipped += rows.skipped;
      sum.duplicates += rows.duplicates;
      sum.quarantined += rows.quarantined;
      sums_[i].num_commits += results[i].num_commits;
      sums_[i].data_bytes += results[i].data_bytes;
      sums_[i].schema_changes.insert(sums_[i].schema_changes.end(), results[i].schema_changes.begin(),
                                     results[i].schema_changes.end());
      if (results[i].snapshot_id) sums_[i].snapshot_id = results[i].snapshot_id;
    }
  }

  const RunContext& context_;
  const BackfillRequest& request_;
  const CommitGroup& group_;
  BackfillState state_;  // of the backfill, as its first worker began
  Slices slices_;
  std::unique_ptr<source::Source> source_;
  std::mutex mutex_;  // of sums_ and on_slice
  std::vector<TableResult> sums_;
};

}  // namespace

Result<BackfillStatus> FindBackfill(const RunContext& context, const CommitGroup& group) {
  BackfillStatus status;
  ARROW_ASSIGN_OR_RAISE(const auto first, OpenWorker(context, group, 0));
  ARROW_ASSIGN_OR_RAISE(status.state, ParseBackfillState(first.state));
  if (status.state.begun.empty() || !group.tables.front()->incremental) return status;
  ARROW_ASSIGN_OR_RAISE(const Slices slices, SlicesOf(status.state.range, *group.tables.front()->incremental));
  status.slices = static_cast<int64_t>(slices.size());
  status.done = status.state.done;
  for (int64_t worker = 1; worker < status.state.workers; ++worker) {
    ARROW_ASSIGN_OR_RAISE(const auto opened, OpenWorker(context, group, worker));
    ARROW_ASSIGN_OR_RAISE(const BackfillState state, ParseBackfillState(opened.state));
    if (state.begun == status.state.begun) status.done += state.done;
  }
  return status;
}

Result<RunResult> RunBackfill(const RunContext& context, const BackfillRequest& request, std::stop_token stop) {
  return Backfill(context, request).Run(std::move(stop));
}

Status CancelBackfill(const RunContext& context, const CommitGroup& group, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const BackfillStatus found, FindBackfill(context, group));
  if (!found.is_open()) return Undecided(group, "no backfill is open");
  for (int64_t worker = 0; worker < found.state.workers; ++worker) {
    ARROW_ASSIGN_OR_RAISE(const auto opened, OpenWorker(context, group, worker));
    ARROW_ASSIGN_OR_RAISE(BackfillState state, ParseBackfillState(opened.state));
    if (state.begun != found.state.begun) {
      state = found.state;
      state.done = 0;
    }
    state.worker = worker;
    state.cancelled = true;
    ARROW_RETURN_NOT_OK(context.committer
                            .ForceState(IdentifierOf(*group.pipeline, *group.tables.front()), StreamOf(group, worker),
                                        WriteBackfillState(state), context.run_id, stop)
                            .status());
  }
  return Status::OK();
}

}  // namespace firn::pipeline
