#include "catalog/sqlite/catalog.h"

#include <cstdio>
#include <map>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "catalog/sqlite/database.h"
#include "catalog/sqlite/rows.h"
#include "table/metadata/metadata_json.h"

namespace firn::catalog::sqlite {
namespace {

constexpr size_t kCachedTablesMax = 1024;

// What one table's share of a commit becomes.
struct Prepared {
  Swap swap;
  LoadedTable table;
  bool written = false;
};

// "00042-<uuid>.metadata.json" → 43; names of other writers count as version -1 (as Java does).
int NextVersion(const std::string& metadata_location) {
  const size_t slash = metadata_location.rfind('/');
  int version = -1;
  if (std::sscanf(metadata_location.c_str() + (slash == std::string::npos ? 0 : slash + 1), "%9d-", &version) != 1) {
    return 0;
  }
  return version + 1;
}

// A folder name that every reader takes literally; names that need a change get a piece of their hash to stay distinct.
std::string FolderName(const std::string& name) {
  std::string folder;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '.';
    folder.push_back(plain && byte < 0x80 ? c : '_');
  }
  const bool special = folder.empty() || folder.front() == '.' || folder.size() > 120;
  if (folder == name && !special) return folder;
  if (folder.size() > 120) folder.resize(120);
  if (!folder.empty() && folder.front() == '.') folder.front() = '_';
  return folder + "-" + Sha256Hex(name).substr(0, 8);
}

class SqliteCatalog : public Catalog {
 public:
  SqliteCatalog(SqliteCatalogOptions options, io::FileStore& files, const Clock& clock)
      : options_(std::move(options)), files_(files), clock_(clock) {}

  Status Start();

  CatalogTraits traits() const override { return {.multi_table_commit = true}; }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override;
  Status CreateNamespace(const std::vector<std::string>& ns) override;
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override;
  Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) override;
  Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token stop) override;
  Status DropTable(const TableIdentifier& identifier) override;
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override;
  std::string DefaultLocation(const TableIdentifier& identifier) const override;

 private:
  Status Connect(bool create) FIRN_REQUIRES(mutex_);
  Result<CatalogRows> Rows() FIRN_REQUIRES(mutex_);
  Result<std::optional<std::string>> LocationOf(const TableIdentifier& identifier) FIRN_EXCLUDES(mutex_);
  Result<LoadedTable> ReadMetadata(const TableIdentifier& identifier, const std::string& location);
  void Remember(const TableIdentifier& identifier, const LoadedTable& table) FIRN_EXCLUDES(mutex_);

  Result<Prepared> Prepare(const TableCommit& commit);
  Status CheckNamespace(const TableIdentifier& identifier) FIRN_EXCLUDES(mutex_);
  Status Write(Prepared& prepared);
  SwapOutcome SwapAll(const std::vector<Prepared>& prepared, std::string& reason) FIRN_EXCLUDES(mutex_);
  SwapOutcome LookAgain(const std::vector<Swap>& swaps, std::string& reason) FIRN_REQUIRES(mutex_);
  void RemoveWritten(const std::vector<Prepared>& prepared);

  const SqliteCatalogOptions options_;
  io::FileStore& files_;
  const Clock& clock_;

  Mutex mutex_;
  std::unique_ptr<Database> database_ FIRN_GUARDED_BY(mutex_);
  std::map<TableIdentifier, LoadedTable> cache_ FIRN_GUARDED_BY(mutex_);
};

Status SqliteCatalog::Connect(bool create) {
  database_.reset();
  ARROW_ASSIGN_OR_RAISE(
      database_,
      Database::Open(
          {.path = options_.path, .busy_timeout_ms = options_.busy_timeout_ms, .create = create, .vfs = options_.vfs}));
  return Status::OK();
}

Status SqliteCatalog::Start() {
  ARROW_ASSIGN_OR_RAISE(const bool exists, files_.Exists(options_.path));
  if (!exists && !options_.create_if_missing) {
    return MakeError(Fault::kConfig, "there is no catalog: " + options_.path,
                     {.state = "nothing was created", .next = "firn run"});
  }
  const std::string folder = io::FolderOf(options_.path);
  if (!exists) ARROW_RETURN_NOT_OK(files_.CreateFolder(folder));
  MutexLock lock(mutex_);
  ARROW_RETURN_NOT_OK(Connect(!exists));
  if (options_.create_if_missing && !Rows().ok()) ARROW_RETURN_NOT_OK(CreateLayout(*database_));
  if (!exists) ARROW_RETURN_NOT_OK(files_.SyncFolder(folder));
  return Within("catalog " + options_.path, Rows().status());
}

Result<CatalogRows> SqliteCatalog::Rows() {
  // After a COMMIT that failed and a reopening that failed as well there is no connection: try again.
  if (database_ == nullptr) ARROW_RETURN_NOT_OK(Connect(false));
  return CatalogRows::Open(*database_, options_.name);
}

Result<std::vector<std::vector<std::string>>> SqliteCatalog::ListNamespaces() {
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto rows, Rows());
  ARROW_ASSIGN_OR_RAISE(const auto keys, rows.Namespaces());
  std::vector<std::vector<std::string>> namespaces;
  for (const std::string& key : keys) namespaces.push_back(NamespaceLevels(key));
  return namespaces;
}

Status SqliteCatalog::CreateNamespace(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto rows, Rows());
  ARROW_ASSIGN_OR_RAISE(const bool exists, rows.NamespaceExists(key));  // most calls need no write lock
  return exists ? Status::OK() : rows.CreateNamespace(key);
}

Result<std::vector<TableIdentifier>> SqliteCatalog::ListTables(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto rows, Rows());
  ARROW_ASSIGN_OR_RAISE(const auto names, rows.Tables(key));
  std::vector<TableIdentifier> tables;
  for (const std::string& name : names) tables.push_back({.ns = ns, .name = name});
  return tables;
}

Result<std::optional<std::string>> SqliteCatalog::LocationOf(const TableIdentifier& identifier) {
  ARROW_RETURN_NOT_OK(NamespaceKey(identifier.ns).status());
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto rows, Rows());
  return rows.MetadataLocation(identifier);
}

Result<std::optional<LoadedTable>> SqliteCatalog::LoadTable(const TableIdentifier& identifier) {
  // A metadata file may be retired between looking and reading, by a writer that commits very often.
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(const auto location, LocationOf(identifier));
    if (!location) return std::nullopt;
    auto table = ReadMetadata(identifier, *location);
    if (table.ok()) return std::optional<LoadedTable>(*std::move(table));
    if (!io::IsNotFound(table.status()) || attempt == kAttempts) {
      return Within("table " + identifier.ToString(), table.status());
    }
  }
}

Result<LoadedTable> SqliteCatalog::ReadMetadata(const TableIdentifier& identifier, const std::string& location) {
  {
    MutexLock lock(mutex_);
    const auto cached = cache_.find(identifier);
    if (cached != cache_.end() && cached->second.metadata_location == location) return cached->second;
  }
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, files_.ReadText(location, table::kMetadataBytesMax));
  auto parsed = table::ParseMetadata(bytes);
  if (!parsed.ok()) return Within(location, parsed.status());
  LoadedTable table{.metadata = std::make_shared<const table::TableMetadata>(*std::move(parsed)),
                    .metadata_location = location};
  Remember(identifier, table);
  return table;
}

void SqliteCatalog::Remember(const TableIdentifier& identifier, const LoadedTable& table) {
  MutexLock lock(mutex_);
  if (cache_.size() >= kCachedTablesMax) cache_.clear();
  cache_[identifier] = table;
}

Result<CommitResult> SqliteCatalog::Commit(std::span<const TableCommit> commits, std::stop_token stop) {
  if (commits.empty()) return MakeError(Fault::kBug, "commit of no table");
  std::vector<Prepared> prepared;
  for (const TableCommit& commit : commits) {
    auto next = Prepare(commit);
    if (!next.ok() && FaultOf(next.status()) == Fault::kConflict) {
      return CommitResult{.outcome = CommitOutcome::kConflict, .reason = next.status().message()};
    }
    ARROW_RETURN_NOT_OK(next.status());
    prepared.push_back(*std::move(next));
  }
  for (Prepared& table : prepared) {
    Status written = stop.stop_requested() ? MakeError(Fault::kCancelled, "stopped before the swap") : Write(table);
    if (written.ok()) continue;
    RemoveWritten(prepared);
    return written;
  }
  std::string reason;
  switch (SwapAll(prepared, reason)) {
    case SwapOutcome::kNotCommitted:
      RemoveWritten(prepared);
      return CommitResult{.outcome = CommitOutcome::kConflict, .reason = reason};
    case SwapOutcome::kUnknown:
      return CommitResult{.outcome = CommitOutcome::kUnknown, .reason = reason};
    case SwapOutcome::kCommitted:
      break;
  }
  CommitResult result{.outcome = CommitOutcome::kCommitted};
  for (const Prepared& table : prepared) {
    Remember(table.swap.identifier, table.table);
    result.tables.push_back(table.table);
  }
  return result;
}

Status SqliteCatalog::CheckNamespace(const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(identifier.ns));
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto rows, Rows());
  ARROW_ASSIGN_OR_RAISE(const bool exists, rows.NamespaceExists(key));
  return exists ? Status::OK() : MakeError(Fault::kConfig, "Namespace does not exist: " + key);
}

Result<Prepared> SqliteCatalog::Prepare(const TableCommit& commit) {
  ARROW_ASSIGN_OR_RAISE(const auto current, LoadTable(commit.identifier));
  const table::TableMetadata* base = current ? current->metadata.get() : nullptr;
  if (base == nullptr) ARROW_RETURN_NOT_OK(CheckNamespace(commit.identifier));
  ARROW_RETURN_NOT_OK(table::CheckRequirements(base, commit.requirements));
  Prepared prepared{.swap = {.identifier = commit.identifier}};
  table::ApplyOptions options{.now_ms = clock_.Now().micros / 1000};
  if (current) {
    prepared.swap.before = current->metadata_location;
    options.base_metadata_location = current->metadata_location;
  }
  ARROW_ASSIGN_OR_RAISE(auto metadata, table::ApplyUpdates(base, commit.updates, options));
  char version[16];
  std::snprintf(version, sizeof version, "%05d", current ? NextVersion(current->metadata_location) : 0);
  prepared.swap.after = metadata.location + "/metadata/" + version + "-" + table::NewUuid() + ".metadata.json";
  prepared.table = {.metadata = std::make_shared<const table::TableMetadata>(std::move(metadata)),
                    .metadata_location = prepared.swap.after};
  return prepared;
}

// The metadata file and its folder are durable before the row points at it.
Status SqliteCatalog::Write(Prepared& prepared) {
  ARROW_ASSIGN_OR_RAISE(const std::string json, table::WriteMetadata(*prepared.table.metadata));
  prepared.written = true;  // also if it fails half-way: then there may be something to remove
  ARROW_ASSIGN_OR_RAISE(auto output, files_.OpenOutput(prepared.swap.after, {}));
  ARROW_RETURN_NOT_OK(output->Write(json.data(), static_cast<int64_t>(json.size())));
  ARROW_RETURN_NOT_OK(output->Close());
  FIRN_FAILPOINT("commit.metadata_written");
  return Status::OK();
}

SwapOutcome SqliteCatalog::SwapAll(const std::vector<Prepared>& prepared, std::string& reason) {
  std::vector<Swap> swaps;
  for (const Prepared& table : prepared) swaps.push_back(table.swap);
  MutexLock lock(mutex_);
  auto rows = Rows();
  if (!rows.ok()) {
    reason = rows.status().message();
    return SwapOutcome::kNotCommitted;
  }
  const SwapOutcome outcome = rows->SwapAll(swaps, reason);
  return outcome == SwapOutcome::kUnknown ? LookAgain(swaps, reason) : outcome;
}

SwapOutcome SqliteCatalog::LookAgain(const std::vector<Swap>& swaps, std::string& reason) {
  log::Warn("outcome of a catalog commit is unknown, looking", {{"reason", reason}});
  cache_.clear();
  const Status connected = Connect(false);
  if (!connected.ok()) return SwapOutcome::kUnknown;
  auto rows = Rows();
  return rows.ok() ? rows->Settle(swaps, reason) : SwapOutcome::kUnknown;
}

void SqliteCatalog::RemoveWritten(const std::vector<Prepared>& prepared) {
  for (const Prepared& table : prepared) {
    if (!table.written) continue;
    const Status removed = files_.Remove(table.swap.after);
    if (!removed.ok()) log::Warn("metadata file of a failed commit kept", {{"reason", removed.message()}});
  }
}

Status SqliteCatalog::DropTable(const TableIdentifier& identifier) {
  ARROW_RETURN_NOT_OK(NamespaceKey(identifier.ns).status());
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto rows, Rows());
  ARROW_ASSIGN_OR_RAISE(const bool dropped, rows.Drop(identifier));
  cache_.erase(identifier);
  return dropped ? Status::OK() : MakeError(Fault::kConfig, "Table does not exist: " + identifier.ToString());
}

Status SqliteCatalog::RenameTable(const TableIdentifier& from, const TableIdentifier& to) {
  ARROW_RETURN_NOT_OK(CheckNamespace(to));
  ARROW_RETURN_NOT_OK(NamespaceKey(from.ns).status());
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto rows, Rows());
  const auto renamed = rows.Rename(from, to);
  if (!renamed.ok() && FaultOf(renamed.status()) == Fault::kConflict) {
    return MakeError(Fault::kConfig, "Table already exists: " + to.ToString());
  }
  ARROW_RETURN_NOT_OK(renamed.status());
  cache_.erase(from);
  return *renamed ? Status::OK() : MakeError(Fault::kConfig, "Table does not exist: " + from.ToString());
}

std::string SqliteCatalog::DefaultLocation(const TableIdentifier& identifier) const {
  std::string location = "file://" + options_.warehouse;
  for (const std::string& level : identifier.ns) location += "/" + FolderName(level);
  return location + "/" + FolderName(identifier.name);
}

}  // namespace

Result<std::unique_ptr<Catalog>> OpenSqliteCatalog(SqliteCatalogOptions options, io::FileStore& files,
                                                   const Clock& clock) {
  auto catalog = std::make_unique<SqliteCatalog>(std::move(options), files, clock);
  ARROW_RETURN_NOT_OK(catalog->Start());
  return catalog;
}

CatalogKind Kind() {
  return {.name = "sqlite", .open = [](const config::LakeConfig& lake, const CatalogContext& context) {
            SqliteCatalogOptions options{.path = lake.catalog.path,
                                         .name = lake.catalog.name,
                                         .warehouse = lake.warehouse,
                                         .create_if_missing = context.create_if_missing};
            if (options.path.empty()) options.path = lake.warehouse + "/catalog.db";
            return OpenSqliteCatalog(std::move(options), context.files, context.clock);
          }};
}

}  // namespace firn::catalog::sqlite
