#include "pipeline/group_runner.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "pipeline/audit.h"
#include "pipeline/parent_spill.h"
#include "pipeline/quarantine.h"
#include "pipeline/quarantine_staging.h"
#include "pipeline/run_columns.h"
#include "pipeline/table_load.h"
#include "pipeline/table_upkeep.h"
#include "table/commit/committer.h"
#include "table/commit/publish.h"

namespace firn::pipeline {
namespace {

// Sources say the table themselves.
Status InTable(const std::string& name, const Status& status) {
  const std::string place = "table " + name;
  const bool said = status.message().rfind(place + ":", 0) == 0 || status.message().rfind(place + ",", 0) == 0;
  return said ? status : Within(place, status);
}

class Group {
 public:
  Group(const RunContext& context, const CommitGroup& group, source::Source& source)
      : context_(context),
        group_(group),
        quarantine_(context, IdentifierOf(*group.pipeline, *group.tables.front()).ns,
                    StreamIdOf(*group.pipeline, *group.tables.front()) +
                        (context.options.backfill ? context.options.backfill->stream_suffix : "")) {
    if (context.options.rederives) quarantine_.ReplaceRows(RowsInQuarantine(*context.options.rederives));
    for (const auto* table : group.tables) {
      auto& progress = context.progress.Add(IdentifierOf(*group.pipeline, *table).ToString());
      loads_.push_back(std::make_unique<TableLoad>(context, *group.pipeline, *table, source, quarantine_, progress));
    }
    for (const auto& child : loads_) {
      for (const auto& parent : loads_) {
        if (parent->table().name == child->table().parent) parent->AddDependant(child.get());
      }
    }
  }

  Status Run(std::stop_token stop) {
    for (const auto& load : loads_) ARROW_RETURN_NOT_OK(load->Open());
    ARROW_RETURN_NOT_OK(ReadAll(stop));
    ARROW_RETURN_NOT_OK(Commit(/*at_end=*/true, stop));
    for (const auto& load : loads_) ARROW_RETURN_NOT_OK(load->Close());
    ended_ = true;
    audit_ = AuditGroup(context_, group_, committed_, stop);
    return audit_.error;
  }

  // After a failure or a stop: keeps the progress of a stable append, in the time a clean stop has.
  Status KeepProgress() {
    if (loads_.size() != 1 || !opened_ || commit_begun_ || ended_) return Status::OK();
    ARROW_RETURN_NOT_OK(loads_.front()->FinishInFlight());
    if (!loads_.front()->progress_is_safe()) return Status::OK();
    return Commit(/*at_end=*/false, {});
  }

  /// What was written for side tables and not committed is left for the next run to remove.
  void Abandon() {
    quarantine_.Abandon();
    for (const auto& load : loads_) load->AbandonBodies();
  }

  std::vector<TableResult> Results(const Status& error) const {
    std::vector<TableResult> results;
    for (const auto& load : loads_) {
      load->progress().phase = error.ok() ? TablePhase::kDone : TablePhase::kFailed;
      results.push_back(load->Outcome(error));
    }
    for (size_t i = 0; i < audit_.tables.size(); ++i) AddAudit(audit_.tables[i], results[i]);
    return results;
  }

 private:
  // Of the table that is derived again, alone in its group.
  table::RowChoice RowsInQuarantine(const RederivedRuns& runs) const {
    return {.columns = {"table", kRunIdColumn},
            .chosen = [name = group_.tables.front()->name, own = context_.run_id, runs](const auto& values) {
              return values[0] == name && values[1] >= runs.first && values[1] != own &&
                     !runs.others.contains(std::string(values[1]));
            }};
  }

  static void AddAudit(const TableAudit& audit, TableResult& result) {
    result.checks = audit.checks;
    if (audit.published || audit.waits) result.published = audit.published;
    for (const CheckResult& check : audit.checks) {
      if (check.passed || check.blocks) continue;
      result.warnings.push_back("check " + check.name + " failed: " + check.finding +
                                " (`on_failure: fail` would stop the table)");
    }
  }

  // Written into each commit on the branch, so that its tables are published together whoever does it.
  std::string GroupList() const {
    std::vector<catalog::TableIdentifier> identifiers;
    for (const auto* table : group_.tables) identifiers.push_back(IdentifierOf(*group_.pipeline, *table));
    return table::WriteTableList(identifiers);
  }

  bool HasChildren(const TableLoad& parent) const {
    return std::any_of(loads_.begin(), loads_.end(),
                       [&](const auto& load) { return load->table().parent == parent.table().name; });
  }

  // Children added to a live parent were never asked for rows read before: then the parent is read from its beginning.
  Result<bool> ReadsFromBeginning(const TableLoad& load) const {
    const bool new_child = std::any_of(loads_.begin(), loads_.end(), [](const auto& other) {
      return !other->table().parent.empty() && !other->has_history();
    });
    if (loads_.size() == 1 || !new_child || !load.has_history() || !load.table().parent.empty()) return false;
    if (load.table().write_disposition == config::WriteDisposition::kAppend && !context_.options.full_refresh) {
      return MakeError(Fault::kConfig,
                       "a child table is new, and its parent `" + load.table().name +
                           "` appends, so it cannot be read again without doubling rows",
                       {.code = "E0813",
                        .state = "nothing was changed",
                        .next = "firn run --select " + load.table().name + " --full-refresh"});
    }
    return true;
  }

  Status ReadAll(std::stop_token stop) {
    opened_ = true;
    std::map<std::string, std::unique_ptr<ParentSpill>> spills;
    for (const auto& load : loads_) {
      TableLoad::ReadOptions options;
      if (HasChildren(*load)) {
        ARROW_ASSIGN_OR_RAISE(spills[load->table().name], ParentSpill::Create(context_.project.state_folder));
        options.children = spills[load->table().name].get();
      }
      if (!load->table().parent.empty()) options.parents = spills[load->table().parent].get();
      ARROW_ASSIGN_OR_RAISE(options.from_beginning, ReadsFromBeginning(*load));
      if (loads_.size() == 1) options.checkpoint = [&] { return Commit(/*at_end=*/false, stop); };
      const Status status = load->Read(options, stop);
      if (!status.ok()) return InTable(load->table().name, status);
    }
    return Status::OK();
  }

  // Stages every table and commits all of them at once.
  Status Commit(bool at_end, std::stop_token stop) {
    std::vector<table::StagedTable> staged;
    std::vector<std::optional<size_t>> share(loads_.size());
    commit_begun_ = true;
    for (size_t i = 0; i < loads_.size(); ++i) {
      auto part = loads_[i]->Stage(at_end, stop);
      if (!part.ok()) return InTable(loads_[i]->table().name, part.status());
      if (!part->has_value()) continue;
      share[i] = staged.size();
      if (loads_[i]->table().audit && loads_.size() > 1) (*part)->extra_summary[table::kAuditTablesKey] = GroupList();
      auto bodies = loads_[i]->StageBodies(**part, at_end, stop);
      if (!bodies.ok()) return InTable(loads_[i]->table().name, bodies.status());
      staged.push_back(std::move(**part));
      if (*bodies) staged.push_back(std::move(**bodies));
    }
    ARROW_ASSIGN_OR_RAISE(auto quarantined, quarantine_.Stage(stop));
    if (quarantined) staged.push_back(std::move(*quarantined));
    if (staged.empty()) {
      commit_begun_ = false;
      return Status::OK();
    }
    if (failpoint::SeededBug("ack_before_commit")) ARROW_RETURN_NOT_OK(AcknowledgeFirst(staged, stop));
    FIRN_FAILPOINT("run.before_commit");
    ARROW_ASSIGN_OR_RAISE(const auto committed, context_.committer.Commit(staged, stop));
    FIRN_FAILPOINT("run.after_commit");
    for (size_t i = 0; i < loads_.size(); ++i) {
      if (share[i]) committed_.insert(i);
      ARROW_RETURN_NOT_OK(loads_[i]->Committed(share[i] ? &committed[*share[i]] : nullptr));
    }
    commit_begun_ = false;
    return Status::OK();
  }

  // The deliberate mistake that the crash test has to notice: positions become durable before their rows.
  Status AcknowledgeFirst(std::vector<table::StagedTable>& staged, std::stop_token stop) {
    for (table::StagedTable& table : staged) {
      if (table.base == nullptr || table.mode != table::WriteMode::kAppend) continue;
      std::vector<table::StagedTable> position = {table};
      position.front().added.clear();
      position.front().rows = 0;
      ARROW_ASSIGN_OR_RAISE(const auto committed, context_.committer.Commit(position, stop));
      table.from = committed.front().version;
      table.base = committed.front().table.metadata;
    }
    return Status::OK();
  }

  const RunContext& context_;
  const CommitGroup& group_;
  Quarantine quarantine_;
  std::vector<std::unique_ptr<TableLoad>> loads_;
  std::set<size_t> committed_;  // tables of which this run committed something
  Audit audit_;
  bool opened_ = false;
  bool ended_ = false;  // everything read is committed
  // Rows handed over to a commit that did not end well are no longer here: a further commit would move the position
  // past them.
  bool commit_begun_ = false;
};

}  // namespace

std::vector<TableResult> RunGroup(const RunContext& context, const CommitGroup& group, source::Source& source,
                                  std::stop_token stop) {
  RunContext own = context;
  QuarantineStaging staging(own);
  if (own.quarantine_staging == nullptr) own.quarantine_staging = &staging;
  own.quarantine_staging->Collect(
      {.ns = IdentifierOf(*group.pipeline, *group.tables.front()).ns, .name = Quarantine::kTableName});
  Group running(own, group, source);
  Status status = running.Run(stop);
  if (!status.ok()) {
    const Status kept = running.KeepProgress();
    if (!kept.ok()) log::Warn("progress not kept", {{"reason", kept.message()}});
    running.Abandon();
  }
  if (const Status ended = staging.End(); !ended.ok()) {
    log::Warn("staging record of a side table kept", {{"reason", ended.message()}});
  }
  std::vector<TableResult> results = running.Results(status);
  if (status.ok() && !own.options.backfill) MaintainAfterLoad(own, group, results, stop);
  return results;
}

bool LostRace(const std::vector<TableResult>& results, bool fenced_too) {
  const auto lost = [&](const TableResult& table) {
    const ErrorContext* context = table.error.ok() ? nullptr : ContextOf(table.error);
    return context != nullptr && (context->code == "E0904" || (fenced_too && context->code == "E0905"));
  };
  const auto untouched = [](const TableResult& table) { return table.num_commits == 0 && !table.snapshot_id; };
  return std::ranges::any_of(results, lost) && std::ranges::all_of(results, untouched);
}

}  // namespace firn::pipeline
