#include "table/commit/reachability.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/thread_annotations.h"
#include "table/commit/manifest_io.h"
#include "table/commit/stream_token.h"

namespace firn::table {
namespace {

using Paths = std::shared_ptr<const std::vector<Hash128>>;

class CachedContents : public ManifestContents {
 public:
  CachedContents(io::FileStore& files, int64_t paths_max) : files_(files), paths_max_(paths_max) {}

  Result<Paths> LiveFiles(const TableMetadata& metadata, const ManifestFile& manifest) override {
    {
      MutexLock lock(mutex_);
      const auto found = paths_.find(manifest.manifest_path);
      if (found != paths_.end()) return found->second;
    }
    auto paths = std::make_shared<std::vector<Hash128>>();
    const Status read = ForEachEntry(files_, metadata, manifest, ManifestReadOptions::Statistics::kNone,
                                     [&](const ManifestEntry& entry) {
                                       if (entry.live()) paths->push_back(Xxh3(entry.file.file_path));
                                       return Status::OK();
                                     });
    if (!read.ok()) return Within(manifest.manifest_path, read);
    MutexLock lock(mutex_);
    if (num_paths_ > paths_max_) {
      paths_.clear();
      num_paths_ = 0;
    }
    num_paths_ += static_cast<int64_t>(paths->size()) + 1;
    paths_[manifest.manifest_path] = paths;
    return Paths(paths);
  }

 private:
  io::FileStore& files_;
  const int64_t paths_max_;
  Mutex mutex_;
  std::map<std::string, Paths> paths_ FIRN_GUARDED_BY(mutex_);
  int64_t num_paths_ FIRN_GUARDED_BY(mutex_) = 0;
};

using Manifests = std::map<std::string, ManifestFile>;

Status AddManifests(ManifestLists& lists, const Snapshot& snapshot, Manifests& manifests) {
  if (snapshot.manifest_list.empty()) return Status::OK();  // v1 inline manifests: nothing of ours
  ARROW_ASSIGN_OR_RAISE(const ManifestListPtr list, lists.Get(snapshot));
  for (const ManifestFile& manifest : *list) manifests.emplace(manifest.manifest_path, manifest);
  return Status::OK();
}

// Takes out of `candidates` the files that a manifest's live entries name.
Status EraseLive(ManifestContents& contents, const TableMetadata& metadata, const Manifests& manifests,
                 std::unordered_map<Hash128, std::string>& candidates) {
  for (const auto& [path, manifest] : manifests) {
    if (candidates.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const Paths live, contents.LiveFiles(metadata, manifest));
    for (const Hash128& hash : *live) candidates.erase(hash);
  }
  return Status::OK();
}

void EraseStateFile(const std::string& token_json, std::set<std::string>& candidates) {
  const auto token = ParseToken(token_json);
  if (token.ok()) candidates.erase(token->state_file);
}

}  // namespace

std::unique_ptr<ManifestContents> MakeManifestContents(io::FileStore& files, int64_t paths_max) {
  return std::make_unique<CachedContents>(files, paths_max);
}

Result<std::vector<std::string>> UnreachableFiles(io::FileStore& files, ManifestLists& lists,
                                                  ManifestContents& contents, const TableMetadata& metadata,
                                                  const std::vector<const Snapshot*>& expired,
                                                  const std::vector<const Snapshot*>& retained) {
  Manifests kept;
  std::set<std::string> kept_lists;
  for (const Snapshot* snapshot : retained) {
    ARROW_RETURN_NOT_OK(AddManifests(lists, *snapshot, kept));
    kept_lists.insert(snapshot->manifest_list);
  }
  Manifests gone;
  std::vector<std::string> unreachable;
  for (const Snapshot* snapshot : expired) {
    ARROW_RETURN_NOT_OK(AddManifests(lists, *snapshot, gone));
    if (!snapshot->manifest_list.empty() && !kept_lists.contains(snapshot->manifest_list)) {
      unreachable.push_back(snapshot->manifest_list);
    }
  }
  std::erase_if(gone, [&](const auto& entry) { return kept.contains(entry.first); });
  std::unordered_map<Hash128, std::string> data_files;
  for (const auto& [path, manifest] : gone) {
    unreachable.push_back(path);
    ARROW_RETURN_NOT_OK(
        ForEachEntry(files, metadata, manifest, ManifestReadOptions::Statistics::kNone, [&](ManifestEntry entry) {
          const Hash128 hash = Xxh3(entry.file.file_path);
          if (entry.live()) data_files.emplace(hash, std::move(entry.file.file_path));
          return Status::OK();
        }));
  }
  ARROW_RETURN_NOT_OK(EraseLive(contents, metadata, kept, data_files));
  for (auto& [hash, path] : data_files) unreachable.push_back(std::move(path));
  return unreachable;
}

Status KeepReferenced(ManifestLists& lists, ManifestContents& contents, const TableMetadata& metadata,
                      std::set<std::string>& candidates) {
  for (const MetadataLogEntry& entry : metadata.metadata_log) candidates.erase(entry.metadata_file);
  for (const auto& [key, value] : metadata.properties) {
    if (key.starts_with(kStreamKeyPrefix)) EraseStateFile(value, candidates);
  }
  Manifests manifests;
  for (const Snapshot& snapshot : metadata.snapshots) {
    candidates.erase(snapshot.manifest_list);
    for (const auto& [key, value] : snapshot.summary) {
      if (key.starts_with(kStreamKeyPrefix)) EraseStateFile(value, candidates);
    }
    ARROW_RETURN_NOT_OK(AddManifests(lists, snapshot, manifests));
  }
  std::unordered_map<Hash128, std::string> left;
  for (const std::string& candidate : candidates) {
    if (!manifests.contains(candidate)) left.emplace(Xxh3(candidate), candidate);
  }
  ARROW_RETURN_NOT_OK(EraseLive(contents, metadata, manifests, left));
  candidates.clear();
  for (auto& [hash, path] : left) candidates.insert(std::move(path));
  return Status::OK();
}

}  // namespace firn::table
