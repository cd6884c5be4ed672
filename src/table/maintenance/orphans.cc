#include "table/maintenance/orphans.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "table/commit/manifest_io.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/reachability.h"
#include "table/commit/stream_token.h"
#include "table/metadata/metadata_json.h"

namespace firn::table {
namespace {

constexpr char kStaging[] = "/metadata/firn-staging/";
constexpr char kMetadataEnding[] = ".metadata.json";

/// Everything that the metadata files of a table refer to, as hashes: a chance collision keeps a file too long.
class References {
 public:
  explicit References(io::FileStore& files) : files_(files), lists_(files, 0) {}

  /// `current`: what its snapshots name must be there. Of an older file, what is gone was expired.
  Status Add(const TableMetadata& metadata, bool current);
  void AddLocation(const std::string& location) { known_.insert(Xxh3(NormalLocation(location))); }
  bool contains(const std::string& location) const { return known_.contains(Xxh3(NormalLocation(location))); }

 private:
  Status AddSnapshot(const TableMetadata& metadata, const Snapshot& snapshot, bool current);
  Status AddManifest(const TableMetadata& metadata, const ManifestFile& manifest);
  Status AddToken(const std::string& key, const std::string& value);
  Status AddStatistics(const StatisticsFile& file);

  io::FileStore& files_;
  ManifestListCache lists_;
  std::unordered_set<Hash128> known_;
  std::set<std::string> read_;  // lists and manifests
};

Status References::AddToken(const std::string& key, const std::string& value) {
  if (!key.starts_with(kStreamKeyPrefix)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const StreamToken token, ParseToken(value));
  if (!token.state_file.empty()) AddLocation(token.state_file);
  return Status::OK();
}

Status References::AddStatistics(const StatisticsFile& file) {
  const auto json = nlohmann::json::parse(file.json, nullptr, /*allow_exceptions=*/false);
  const bool named = json.is_object() && json.contains("statistics-path") && json["statistics-path"].is_string();
  if (!named) return MakeError(Fault::kBadData, "statistics without statistics-path");
  AddLocation(json["statistics-path"].get<std::string>());
  return Status::OK();
}

Status References::AddManifest(const TableMetadata& metadata, const ManifestFile& manifest) {
  AddLocation(manifest.manifest_path);
  if (read_.contains(manifest.manifest_path)) return Status::OK();
  const Status read = ForEachEntry(files_, metadata, manifest, ManifestReadOptions::Statistics::kNone,
                                   [this](const ManifestEntry& entry) {
                                     if (entry.live()) AddLocation(entry.file.file_path);
                                     return Status::OK();
                                   });
  if (!read.ok()) return Within(manifest.manifest_path, read);
  read_.insert(manifest.manifest_path);
  return Status::OK();
}

Status References::AddSnapshot(const TableMetadata& metadata, const Snapshot& snapshot, bool current) {
  for (const auto& [key, value] : snapshot.summary) ARROW_RETURN_NOT_OK(AddToken(key, value));
  AddLocation(snapshot.manifest_list);
  if (!snapshot.manifest_list.empty() && read_.contains(snapshot.manifest_list)) return Status::OK();
  const auto missing_is_fine = [&](const Status& status) { return !current && io::IsNotFound(status); };
  const auto list = lists_.Get(snapshot);
  if (!list.ok()) return missing_is_fine(list.status()) ? Status::OK() : list.status();
  for (const ManifestFile& manifest : **list) {
    const Status added = AddManifest(metadata, manifest);
    if (!added.ok() && !missing_is_fine(added)) return added;
  }
  read_.insert(snapshot.manifest_list);
  return Status::OK();
}

Status References::Add(const TableMetadata& metadata, bool current) {
  for (const auto& [key, value] : metadata.properties) ARROW_RETURN_NOT_OK(AddToken(key, value));
  for (const auto* statistics : {&metadata.statistics, &metadata.partition_statistics}) {
    for (const StatisticsFile& file : *statistics) ARROW_RETURN_NOT_OK(AddStatistics(file));
  }
  for (const Snapshot& snapshot : metadata.snapshots) {
    ARROW_RETURN_NOT_OK(AddSnapshot(metadata, snapshot, current));
  }
  return Status::OK();
}

/// The places of all other tables.
Result<std::vector<std::string>> OtherTables(catalog::Catalog& catalog, const catalog::TableIdentifier& identifier) {
  std::vector<std::string> folders;
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, catalog.ListNamespaces());
  for (const auto& ns : namespaces) {
    ARROW_ASSIGN_OR_RAISE(const auto tables, catalog.ListTables(ns));
    for (const auto& other : tables) {
      if (other == identifier) continue;
      const auto loaded = catalog.LoadTable(other);
      if (!loaded.ok()) return Within("table " + other.ToString() + ", which may own files here", loaded.status());
      if (loaded->has_value()) folders.push_back(NormalLocation((*loaded)->metadata->location));
    }
  }
  return folders;
}

Status CheckAlone(const std::string& folder, const std::vector<std::string>& others) {
  for (const std::string& other : others) {
    if (other != folder && !IsInside(folder, other)) continue;
    return MakeError(Fault::kConfig, "another table has the same folder, or one around it: " + other,
                     {.why = "files of the two tables cannot be told apart by where they are",
                      .state = "nothing was removed",
                      .next = "move one of the tables"});
  }
  return Status::OK();
}

/// Ids of the runs that have a staging record.
Result<std::vector<std::string>> RunsAtWork(io::FileStore& files, const std::string& location) {
  std::vector<std::string> runs;
  ARROW_ASSIGN_OR_RAISE(const auto listed, files.List(location + "/metadata/firn-staging"));
  for (const io::FileInfo& info : listed) {
    std::string name = info.location.substr(info.location.rfind('/') + 1);
    const size_t dot = name.rfind('.');
    if (dot != std::string::npos && dot > 0) runs.push_back(name.substr(0, dot));
  }
  return runs;
}

/// Without those of tables inside this one.
Result<std::vector<io::FileInfo>> FilesBelow(io::FileStore& files, const std::string& location,
                                             const std::vector<std::string>& others) {
  ARROW_ASSIGN_OR_RAISE(auto listed, files.List(location + "/data"));
  ARROW_ASSIGN_OR_RAISE(auto metadata, files.List(location + "/metadata"));
  listed.insert(listed.end(), std::make_move_iterator(metadata.begin()), std::make_move_iterator(metadata.end()));
  for (const io::FileInfo& info : listed) {
    if (!IsInside(NormalLocation(info.location), NormalLocation(location))) {
      return MakeError(Fault::kConfig, "the listing of " + location + " names a file outside: " + info.location,
                       {.state = "nothing was removed"});
    }
  }
  std::erase_if(listed, [&](const io::FileInfo& info) {
    return std::ranges::any_of(others,
                               [&](const auto& other) { return IsInside(NormalLocation(info.location), other); });
  });
  return listed;
}

/// Adds what the metadata files refer to that are in the folder, current or not.
Status AddMetadataFiles(io::FileStore& files, const catalog::LoadedTable& table,
                        const std::vector<io::FileInfo>& listed, References& references) {
  ARROW_RETURN_NOT_OK(references.Add(*table.metadata, /*current=*/true));
  references.AddLocation(table.metadata_location);
  for (const MetadataLogEntry& entry : table.metadata->metadata_log) references.AddLocation(entry.metadata_file);
  for (const io::FileInfo& info : listed) {
    if (!info.location.ends_with(kMetadataEnding) ||
        NormalLocation(info.location) == NormalLocation(table.metadata_location))
      continue;
    const auto bytes = files.Read(info.location);
    if (!bytes.ok() && io::IsNotFound(bytes.status())) continue;  // retired meanwhile
    ARROW_RETURN_NOT_OK(bytes.status());
    const std::string_view text(reinterpret_cast<const char*>((*bytes)->data()), static_cast<size_t>((*bytes)->size()));
    const auto metadata = ParseMetadata(text);
    if (!metadata.ok()) return Within(info.location, metadata.status());
    // Of a table that was here before, or that another catalog knows: all of it stays.
    if (metadata->table_uuid != table.metadata->table_uuid) references.AddLocation(info.location);
    const Status added = references.Add(*metadata, /*current=*/false);
    if (!added.ok()) return Within(info.location, added);
  }
  return Status::OK();
}

}  // namespace

Result<Orphans> FindOrphans(catalog::Catalog& catalog, io::FileStore& files, const catalog::TableIdentifier& identifier,
                            const Clock& clock, int64_t age_ms_min) {
  ARROW_ASSIGN_OR_RAISE(const auto others, OtherTables(catalog, identifier));
  ARROW_ASSIGN_OR_RAISE(auto table, catalog.LoadTable(identifier));
  if (!table) return MakeError(Fault::kConfig, "there is no table " + identifier.ToString());
  const std::string location = table->metadata->location;
  ARROW_RETURN_NOT_OK(CheckAlone(NormalLocation(location), others));
  // Files first, then what refers to them: what is committed in between is judged by its commit.
  ARROW_ASSIGN_OR_RAISE(const auto runs, RunsAtWork(files, location));
  ARROW_ASSIGN_OR_RAISE(const auto listed, FilesBelow(files, location, others));
  ARROW_ASSIGN_OR_RAISE(table, catalog.LoadTable(identifier));
  if (!table || table->metadata->location != location) {
    return MakeError(Fault::kConflict, "the table was dropped or moved: " + identifier.ToString());
  }
  References references(files);
  ARROW_RETURN_NOT_OK(AddMetadataFiles(files, *table, listed, references));
  Orphans orphans;
  for (const io::FileInfo& info : listed) {
    const std::string path = NormalLocation(info.location);
    const std::string name = path.substr(path.rfind('/') + 1);
    const bool at_work =
        std::ranges::any_of(runs, [&](const auto& run) { return name.find(run) != std::string::npos; });
    if (at_work || path.find(kStaging) != std::string::npos || references.contains(path)) continue;
    if (name == "version-hint.text") continue;
    if (clock.Now().micros - info.modified_micros < age_ms_min * 1000) {
      ++orphans.too_young;
      continue;
    }
    orphans.bytes += info.size_bytes;
    orphans.files.push_back(info);
  }
  return orphans;
}

Result<int64_t> RemoveOrphans(io::FileStore& files, const Orphans& orphans) {
  int64_t bytes = 0;
  for (const io::FileInfo& info : orphans.files) {
    FIRN_FAILPOINT("maintain.remove_orphan");
    ARROW_RETURN_NOT_OK(files.Remove(info.location));
    bytes += info.size_bytes;
  }
  return bytes;
}

}  // namespace firn::table
