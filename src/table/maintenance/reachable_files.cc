#include "table/maintenance/reachable_files.h"

#include <nlohmann/json.hpp>

#include "table/commit/manifest_io.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/stream_token.h"

namespace firn::table {
namespace {

Status AddStates(const std::map<std::string, std::string>& entries, std::set<std::string>* out) {
  for (const auto& [key, value] : entries) {
    if (!key.starts_with(kStreamKeyPrefix)) continue;
    ARROW_ASSIGN_OR_RAISE(const StreamToken token, ParseToken(value));
    if (!token.state_file.empty()) out->insert(token.state_file);
  }
  return Status::OK();
}

Status AddStatistics(const std::vector<StatisticsFile>& files, std::set<std::string>* out) {
  for (const StatisticsFile& file : files) {
    const auto json = nlohmann::json::parse(file.json, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("statistics-path") || !json["statistics-path"].is_string()) {
      return MakeError(Fault::kBadData, "statistics without statistics-path");
    }
    out->insert(json["statistics-path"].get<std::string>());
  }
  return Status::OK();
}

}  // namespace

Status AddFilesBeside(const TableMetadata& metadata, std::set<std::string>* out) {
  ARROW_RETURN_NOT_OK(AddStates(metadata.properties, out));
  ARROW_RETURN_NOT_OK(AddStatistics(metadata.statistics, out));
  ARROW_RETURN_NOT_OK(AddStatistics(metadata.partition_statistics, out));
  for (const Snapshot& snapshot : metadata.snapshots) ARROW_RETURN_NOT_OK(AddStates(snapshot.summary, out));
  return Status::OK();
}

Result<std::set<std::string>> ReachableFiles(io::FileStore& files, const TableMetadata& metadata) {
  std::set<std::string> found;
  ManifestListCache lists(files, 0);
  ARROW_RETURN_NOT_OK(AddFilesBeside(metadata, &found));
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (!snapshot.manifest_list.empty()) found.insert(snapshot.manifest_list);
    ARROW_ASSIGN_OR_RAISE(const auto manifests, lists.Get(snapshot));
    for (const ManifestFile& manifest : *manifests) {
      if (!found.insert(manifest.manifest_path).second) continue;
      ARROW_RETURN_NOT_OK(
          Within(manifest.manifest_path, ForEachEntry(files, metadata, manifest, ManifestReadOptions::Statistics::kNone,
                                                      [&](const ManifestEntry& entry) {
                                                        if (entry.live()) found.insert(entry.file.file_path);
                                                        return Status::OK();
                                                      })));
    }
  }
  return found;
}

}  // namespace firn::table
