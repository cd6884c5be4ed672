#include "catalog/metadata_files.h"

#include <cctype>
#include <cstdio>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/background_sync.h"
#include "io/object_location.h"
#include "table/metadata/metadata_json.h"

namespace firn::catalog {
namespace {

constexpr size_t kCachedTablesMax = 1024;

// "00042-<uuid>.metadata.json" → 43; names of other writers count as version -1 (as Java does).
int NextVersion(const std::string& metadata_location) {
  const size_t slash = metadata_location.rfind('/');
  int version = -1;
  if (std::sscanf(metadata_location.c_str() + (slash == std::string::npos ? 0 : slash + 1), "%9d-", &version) != 1) {
    return 0;
  }
  return version + 1;
}

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

}  // namespace

Result<LoadedTable> MetadataFiles::Read(const TableIdentifier& identifier, const std::string& location) {
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

void MetadataFiles::Remember(const TableIdentifier& identifier, const LoadedTable& table) {
  MutexLock lock(mutex_);
  if (cache_.size() >= kCachedTablesMax) cache_.clear();
  cache_[identifier] = table;
}

void MetadataFiles::Forget(const TableIdentifier& identifier) {
  MutexLock lock(mutex_);
  cache_.erase(identifier);
}

void MetadataFiles::ForgetAll() {
  MutexLock lock(mutex_);
  cache_.clear();
}

Result<PreparedTable> MetadataFiles::Prepare(const TableCommit& commit,
                                             const std::optional<LoadedTable>& current) const {
  const table::TableMetadata* base = current ? current->metadata.get() : nullptr;
  ARROW_RETURN_NOT_OK(table::CheckRequirements(base, commit.requirements));
  PreparedTable prepared{.identifier = commit.identifier};
  table::ApplyOptions options{.now_ms = clock_.Now().micros / 1000};
  if (current) {
    prepared.before = current->metadata_location;
    options.base_metadata_location = current->metadata_location;
  }
  ARROW_ASSIGN_OR_RAISE(auto metadata, table::ApplyUpdates(base, commit.updates, options));
  char version[16];
  std::snprintf(version, sizeof version, "%05d", current ? NextVersion(current->metadata_location) : 0);
  prepared.folder = metadata.location + "/metadata";
  prepared.after = {.metadata = std::make_shared<const table::TableMetadata>(std::move(metadata)),
                    .metadata_location = prepared.folder + "/" + version + "-" + table::NewUuid() + ".metadata.json"};
  return prepared;
}

// The metadata files, what they name, and the folders are durable before a row points at them. Until then nothing
// does, so they may become durable in any order: all at once.
Status MetadataFiles::Write(std::span<const TableCommit> commits, std::vector<PreparedTable>& prepared) const {
  io::BackgroundSync sync(files_);
  for (PreparedTable& table : prepared) {
    ARROW_ASSIGN_OR_RAISE(const std::string json, table::WriteMetadata(*table.after.metadata));
    table.written = true;  // also if it fails half-way: then there may be something to remove
    ARROW_RETURN_NOT_OK(sync.Write(table.after.metadata_location, json));
  }
  std::set<std::string> folders;
  for (const PreparedTable& table : prepared) folders.insert(table.folder);
  for (const std::string& folder : folders) sync.SyncFolder(folder);
  for (const TableCommit& commit : commits) {
    if (commit.files_durable) ARROW_RETURN_NOT_OK(commit.files_durable());
  }
  ARROW_RETURN_NOT_OK(sync.Wait());
  FIRN_FAILPOINT("commit.metadata_written");
  return Status::OK();
}

void MetadataFiles::Remove(const std::vector<PreparedTable>& prepared) const {
  for (const PreparedTable& table : prepared) {
    if (!table.written) continue;
    const Status removed = files_.Remove(table.after.metadata_location);
    if (!removed.ok()) log::Warn("metadata file of a failed commit kept", {{"reason", removed.message()}});
  }
}

std::string TableLocation(const std::string& warehouse, const TableIdentifier& identifier) {
  std::string location = io::WarehouseLocation(warehouse);
  for (const std::string& level : identifier.ns) location += "/" + FolderName(level);
  return location + "/" + FolderName(identifier.name);
}

}  // namespace firn::catalog
