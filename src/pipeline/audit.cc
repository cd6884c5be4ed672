#include "pipeline/audit.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "pipeline/checks.h"
#include "query/session.h"
#include "table/commit/committer.h"
#include "table/commit/publish.h"

namespace firn::pipeline {
namespace {

using catalog::TableIdentifier;

constexpr int64_t kQueryShare = 4;  // of the run's memory
constexpr int64_t kQueryBytesMin = int64_t{64} << 20;

/// The lake as it will be when the branches are published. Read only.
class AuditedCatalog : public catalog::Catalog {
 public:
  AuditedCatalog(catalog::Catalog& inner, const std::set<TableIdentifier>& tables) : inner_(inner), tables_(tables) {}
  catalog::CatalogTraits traits() const override { return inner_.traits(); }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override { return inner_.ListNamespaces(); }
  Status CreateNamespace(const std::vector<std::string>&) override { return ReadOnly(); }
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override {
    return inner_.ListTables(ns);
  }
  Result<std::vector<TableIdentifier>> ListViews(const std::vector<std::string>& ns) override {
    return inner_.ListViews(ns);
  }
  Result<std::optional<catalog::LoadedTable>> LoadTable(const TableIdentifier& identifier) override {
    ARROW_ASSIGN_OR_RAISE(auto loaded, inner_.LoadTable(identifier));
    if (!loaded || !tables_.contains(identifier)) return loaded;
    ARROW_ASSIGN_OR_RAISE(loaded->metadata, table::ViewOfBranch(loaded->metadata, table::kAuditBranch));
    return loaded;
  }
  Result<catalog::CommitResult> Commit(std::span<const catalog::TableCommit>, std::stop_token) override {
    return ReadOnly();
  }
  Status DropTable(const TableIdentifier&) override { return ReadOnly(); }
  Status RenameTable(const TableIdentifier&, const TableIdentifier&) override { return ReadOnly(); }
  std::string DefaultLocation(const TableIdentifier& identifier) const override {
    return inner_.DefaultLocation(identifier);
  }

 private:
  static Status ReadOnly() { return MakeError(Fault::kBug, "a check was to change the lake"); }

  catalog::Catalog& inner_;
  const std::set<TableIdentifier> tables_;
};

class GroupAudit {
 public:
  GroupAudit(const RunContext& context, const CommitGroup& group, const std::set<size_t>& committed,
             std::stop_token stop)
      : context_(context), group_(group), committed_(committed), stop_(std::move(stop)) {
    audit_.tables.resize(group.tables.size());
    for (const auto* table : group.tables) identifiers_.push_back(IdentifierOf(*group.pipeline, *table));
  }

  Audit Run() {
    audit_.error = Steps();
    return std::move(audit_);
  }

 private:
  bool audits() const { return group_.tables.front()->audit; }

  Status Steps() {
    ARROW_RETURN_NOT_OK(FindWaiting());
    FIRN_FAILPOINT("audit.before_checks");
    ARROW_RETURN_NOT_OK(CheckAll());
    ARROW_RETURN_NOT_OK(Verdict());
    const bool waiting = std::ranges::any_of(audit_.tables, &TableAudit::waits);
    return waiting ? Publish() : Status::OK();
  }

  Status FindWaiting() {
    if (!audits()) return Status::OK();
    for (size_t i = 0; i < identifiers_.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(const auto loaded, context_.catalog.LoadTable(identifiers_[i]));
      audit_.tables[i].waits = loaded && loaded->metadata->refs.contains(table::kAuditBranch);
    }
    return Status::OK();
  }

  Status CheckAll() {
    AuditedCatalog lake(context_.catalog,
                        audits() ? std::set(identifiers_.begin(), identifiers_.end()) : std::set<TableIdentifier>());
    for (size_t i = 0; i < identifiers_.size(); ++i) {
      const Status checked = CheckTable(lake, i);
      if (!checked.ok()) return Within("checks of " + identifiers_[i].ToString(), checked);
    }
    return Status::OK();
  }

  Status CheckTable(catalog::Catalog& lake, size_t i) {
    std::vector<config::CheckConfig> checks = group_.tables[i]->checks;
    if (!committed_.contains(i) && !audit_.tables[i].waits) {
      std::erase_if(checks, [](const auto& check) { return check.kind != config::CheckConfig::Kind::kFreshness; });
    }
    if (checks.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto seen, lake.LoadTable(identifiers_[i]));
    ARROW_ASSIGN_OR_RAISE(const auto main, context_.catalog.LoadTable(identifiers_[i]));
    if (!seen || !main) return Status::OK();  // the source has not given a row yet
    ARROW_ASSIGN_OR_RAISE(
        auto session,
        query::Session::Open(&lake, context_.files,
                             {.memory_bytes = std::max(kQueryBytesMin, context_.budget.total_bytes() / kQueryShare),
                              .threads = context_.options.threads}));
    const CheckedTable table{.identifier = identifiers_[i],
                             .schema = &seen->metadata->schema(),
                             .usual_rows = UsualRows(*main->metadata, context_.run_id)};
    ARROW_ASSIGN_OR_RAISE(audit_.tables[i].checks, RunChecks(checks, table, *session, context_.clock, stop_));
    return Status::OK();
  }

  Status Verdict() const {
    std::string failures, tables;
    for (size_t i = 0; i < identifiers_.size(); ++i) {
      std::string of_table;
      for (const CheckResult& check : audit_.tables[i].checks) {
        if (check.passed || !check.blocks) continue;
        of_table += (of_table.empty() ? "" : "; ") + check.name + ": " + check.finding;
      }
      if (of_table.empty()) continue;
      failures += (failures.empty() ? "" : ". ") + identifiers_[i].ToString() + ": " + of_table;
      if (tables.empty()) tables = identifiers_[i].ToString();
    }
    if (failures.empty()) return Status::OK();
    const bool waits = std::ranges::any_of(audit_.tables, &TableAudit::waits);
    return MakeError(
        Fault::kContract, "checks failed: " + failures,
        {.code = "E0911",
         .where = context_.project.WhereIs(group_.tables.front()->config_path),
         .state = waits ? std::string("the load waits on the branch ") + table::kAuditBranch + "; main is unchanged"
                        : "the rows are in the table: it is published as it is loaded",
         .next = waits ? "firn sql \"from " + tables + " at (version => '" + table::kAuditBranch +
                             "')\", then firn table publish " + tables + " (as it is), firn table discard " + tables +
                             " (read it again), or correct the source and firn run"
                       : "firn sql \"from " + tables + "\", or firn table rollback " + tables});
  }

  Status Publish() {
    FIRN_FAILPOINT("audit.before_publish");
    ARROW_ASSIGN_OR_RAISE(
        const auto tables,
        table::PublishBranches({.catalog = context_.catalog, .clock = context_.clock}, Waiting(), stop_));
    FIRN_FAILPOINT("audit.after_publish");
    for (TableAudit& table : audit_.tables) {
      table.published = table.waits;
      table.waits = false;
    }
    for (size_t i = 0; i < tables.size(); ++i) Expire(publishing_[i], *tables[i].metadata);
    return Status::OK();
  }

  std::span<const TableIdentifier> Waiting() {
    publishing_.clear();
    for (size_t i = 0; i < identifiers_.size(); ++i) {
      if (audit_.tables[i].waits) publishing_.push_back(identifiers_[i]);
    }
    return publishing_;
  }

  // Commits on the branch leave the retention to this one.
  void Expire(const TableIdentifier& identifier, const table::TableMetadata& metadata) {
    const table::RetentionOptions retention;
    if (static_cast<int>(metadata.snapshots.size()) <= retention.snapshots_min + retention.snapshots_slack) return;
    const auto expired = context_.committer.Expire(identifier, retention, stop_);
    if (!expired.ok()) {
      log::Warn("old snapshots kept", {{"table", identifier.ToString()}, {"reason", expired.status().message()}});
    }
  }

  const RunContext& context_;
  const CommitGroup& group_;
  const std::set<size_t>& committed_;
  const std::stop_token stop_;
  std::vector<TableIdentifier> identifiers_;  // in the order of the group
  std::vector<TableIdentifier> publishing_;
  Audit audit_;
};

}  // namespace

Audit AuditGroup(const RunContext& context, const CommitGroup& group, const std::set<size_t>& committed,
                 std::stop_token stop) {
  return GroupAudit(context, group, committed, std::move(stop)).Run();
}

}  // namespace firn::pipeline
