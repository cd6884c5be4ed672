#include "catalog/jdbc_catalog.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"
#include "catalog/jdbc_rows.h"
#include "catalog/metadata_files.h"

namespace firn::catalog {
namespace {

// A metadata file that the catalog names and that is not there.
Status Missing(const Status& error) {
  return WithContext(error, {.why = "the catalog names this file; paths in it are whole, so a lake that was moved or "
                                    "copied is looked for where it was",
                             .state = "nothing was changed",
                             .next = "firn lake relocate --dry-run"});
}

class JdbcCatalog : public Catalog {
 public:
  JdbcCatalog(std::unique_ptr<SqlDatabase> database, JdbcCatalogOptions options, io::FileStore& files,
              const Clock& clock)
      : options_(std::move(options)), metadata_(files, clock), session_(std::move(database), options_.name) {}

  Status Start() {
    MutexLock lock(mutex_);
    return session_.Start(options_.create_layout);
  }

  CatalogTraits traits() const override {
    return {.multi_table_commit = true, .waits_for_files = true, .may_commit_late = options_.may_commit_late};
  }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override;
  Status CreateNamespace(const std::vector<std::string>& ns) override;
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override;
  Result<std::vector<TableIdentifier>> ListViews(const std::vector<std::string>& ns) override;
  Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) override;
  Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token stop) override;
  Status DropTable(const TableIdentifier& identifier) override;
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override;
  std::string DefaultLocation(const TableIdentifier& identifier) const override {
    return TableLocation(options_.warehouse, identifier);
  }

 private:
  Result<std::optional<std::string>> LocationOf(const TableIdentifier& identifier) FIRN_EXCLUDES(mutex_);
  Result<PreparedTable> Prepare(const TableCommit& commit);
  Status CheckNamespace(const TableIdentifier& identifier) FIRN_EXCLUDES(mutex_);
  SwapOutcome SwapAll(const std::vector<PreparedTable>& prepared, std::string& reason) FIRN_EXCLUDES(mutex_);

  const JdbcCatalogOptions options_;
  MetadataFiles metadata_;
  Mutex mutex_;
  JdbcSession session_ FIRN_GUARDED_BY(mutex_);
};

Result<std::vector<std::vector<std::string>>> JdbcCatalog::ListNamespaces() {
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const auto keys, session_.Ask([](JdbcRows& rows) { return rows.Namespaces(); }));
  std::vector<std::vector<std::string>> namespaces;
  for (const std::string& key : keys) namespaces.push_back(NamespaceLevels(key));
  return namespaces;
}

Status JdbcCatalog::CreateNamespace(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  // Most calls need no write lock.
  ARROW_ASSIGN_OR_RAISE(const bool exists, session_.Ask([&](JdbcRows& rows) { return rows.NamespaceExists(key); }));
  if (exists) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(JdbcRows * rows, session_.Rows());
  return rows->CreateNamespace(key);
}

Result<std::vector<TableIdentifier>> JdbcCatalog::ListTables(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const auto names, session_.Ask([&](JdbcRows& rows) { return rows.Tables(key); }));
  std::vector<TableIdentifier> tables;
  for (const std::string& name : names) tables.push_back({.ns = ns, .name = name});
  return tables;
}

Result<std::vector<TableIdentifier>> JdbcCatalog::ListViews(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const auto names, session_.Ask([&](JdbcRows& rows) { return rows.Views(key); }));
  std::vector<TableIdentifier> views;
  for (const std::string& name : names) views.push_back({.ns = ns, .name = name});
  return views;
}

Result<std::optional<std::string>> JdbcCatalog::LocationOf(const TableIdentifier& identifier) {
  ARROW_RETURN_NOT_OK(NamespaceKey(identifier.ns).status());
  MutexLock lock(mutex_);
  return session_.Ask([&](JdbcRows& rows) { return rows.MetadataLocation(identifier); });
}

Result<std::optional<LoadedTable>> JdbcCatalog::LoadTable(const TableIdentifier& identifier) {
  // A metadata file may be retired between looking and reading, by a writer that commits very often.
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(const auto location, LocationOf(identifier));
    if (!location) return std::nullopt;
    auto table = metadata_.Read(identifier, *location);
    if (table.ok()) return std::optional<LoadedTable>(*std::move(table));
    const bool missing = io::IsNotFound(table.status());
    if (missing && attempt < kAttempts) continue;
    return Within("table " + identifier.ToString(), missing ? Missing(table.status()) : table.status());
  }
}

Result<CommitResult> JdbcCatalog::Commit(std::span<const TableCommit> commits, std::stop_token stop) {
  if (commits.empty()) return MakeError(Fault::kBug, "commit of no table");
  std::vector<PreparedTable> prepared;
  for (const TableCommit& commit : commits) {
    auto next = Prepare(commit);
    if (!next.ok() && FaultOf(next.status()) == Fault::kConflict) {
      return CommitResult{.outcome = CommitOutcome::kConflict, .reason = next.status().message()};
    }
    ARROW_RETURN_NOT_OK(next.status());
    prepared.push_back(*std::move(next));
  }
  Status written = stop.stop_requested() ? MakeError(Fault::kCancelled, "stopped before the swap")
                                         : metadata_.Write(commits, prepared);
  if (!written.ok()) {
    metadata_.Remove(prepared);
    return written;
  }
  std::string reason;
  switch (SwapAll(prepared, reason)) {
    case SwapOutcome::kNotTried:
    case SwapOutcome::kNotCommitted:
      metadata_.Remove(prepared);
      return CommitResult{.outcome = CommitOutcome::kConflict, .reason = reason};
    case SwapOutcome::kUnknown:
      metadata_.ForgetAll();
      return CommitResult{.outcome = CommitOutcome::kUnknown, .reason = reason};
    case SwapOutcome::kCommitted:
      break;
  }
  CommitResult result{.outcome = CommitOutcome::kCommitted};
  for (const PreparedTable& table : prepared) {
    metadata_.Remember(table.identifier, table.after);
    result.tables.push_back(table.after);
  }
  return result;
}

Status JdbcCatalog::CheckNamespace(const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(identifier.ns));
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const bool exists, session_.Ask([&](JdbcRows& rows) { return rows.NamespaceExists(key); }));
  return exists ? Status::OK() : MakeError(Fault::kConfig, "Namespace does not exist: " + key);
}

Result<PreparedTable> JdbcCatalog::Prepare(const TableCommit& commit) {
  ARROW_ASSIGN_OR_RAISE(const auto current, LoadTable(commit.identifier));
  if (!current) ARROW_RETURN_NOT_OK(CheckNamespace(commit.identifier));
  return metadata_.Prepare(commit, current);
}

SwapOutcome JdbcCatalog::SwapAll(const std::vector<PreparedTable>& prepared, std::string& reason) {
  std::vector<Swap> swaps;
  for (const PreparedTable& table : prepared) {
    swaps.push_back({.identifier = table.identifier, .before = table.before, .after = table.after.metadata_location});
  }
  MutexLock lock(mutex_);
  return session_.SwapAll(swaps, reason);
}

Status JdbcCatalog::DropTable(const TableIdentifier& identifier) {
  ARROW_RETURN_NOT_OK(NamespaceKey(identifier.ns).status());
  metadata_.Forget(identifier);
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(JdbcRows * rows, session_.Rows());
  ARROW_ASSIGN_OR_RAISE(const bool dropped, rows->Drop(identifier));
  return dropped ? Status::OK() : MakeError(Fault::kConfig, "Table does not exist: " + identifier.ToString());
}

Status JdbcCatalog::RenameTable(const TableIdentifier& from, const TableIdentifier& to) {
  ARROW_RETURN_NOT_OK(CheckNamespace(to));
  ARROW_RETURN_NOT_OK(NamespaceKey(from.ns).status());
  metadata_.Forget(from);
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(JdbcRows * rows, session_.Rows());
  const auto renamed = rows->Rename(from, to);
  if (!renamed.ok() && FaultOf(renamed.status()) == Fault::kConflict) {
    return MakeError(Fault::kConfig, "Table already exists: " + to.ToString());
  }
  ARROW_RETURN_NOT_OK(renamed.status());
  return *renamed ? Status::OK() : MakeError(Fault::kConfig, "Table does not exist: " + from.ToString());
}

}  // namespace

Result<std::unique_ptr<Catalog>> OpenJdbcCatalog(std::unique_ptr<SqlDatabase> database, JdbcCatalogOptions options,
                                                 io::FileStore& files, const Clock& clock) {
  auto catalog = std::make_unique<JdbcCatalog>(std::move(database), std::move(options), files, clock);
  ARROW_RETURN_NOT_OK(catalog->Start());
  return catalog;
}

}  // namespace firn::catalog
