#include "server/catalog/purge.h"

#include "base/log.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/reachability.h"

namespace firn::server {
namespace {

constexpr int64_t kManifestEntriesMax = 100'000;
constexpr int64_t kPathsMax = 1'000'000;

std::vector<std::string> SnapshotFiles(Backend& backend, const table::TableMetadata& metadata) {
  std::vector<const table::Snapshot*> snapshots;
  for (const table::Snapshot& snapshot : metadata.snapshots) snapshots.push_back(&snapshot);
  table::ManifestListCache lists(backend.files, kManifestEntriesMax);
  const auto contents = table::MakeManifestContents(backend.files, kPathsMax);
  auto files = table::UnreachableFiles(backend.files, lists, *contents, metadata, snapshots, {});
  if (files.ok()) return *std::move(files);
  log::Warn("data files of a purged table kept", {{"reason", files.status().message()}});
  return {};
}

}  // namespace

void RemoveOwnFile(Backend& backend, const std::string& location) {
  Status removed = backend.locations.Check(location);
  if (removed.ok()) removed = backend.files.Remove(location);
  if (!removed.ok()) log::Warn("file kept", {{"reason", removed.message()}});
}

void RemoveTableFiles(Backend& backend, const catalog::LoadedTable& table) {
  const table::TableMetadata& metadata = *table.metadata;
  if (metadata.Property("gc.enabled", "true") == "true") {
    for (const std::string& file : SnapshotFiles(backend, metadata)) RemoveOwnFile(backend, file);
  }
  for (const table::MetadataLogEntry& entry : metadata.metadata_log) RemoveOwnFile(backend, entry.metadata_file);
  RemoveOwnFile(backend, table.metadata_location);
}

}  // namespace firn::server
