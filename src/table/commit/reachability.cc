#include "table/commit/reachability.h"

#include <algorithm>
#include <cstdlib>
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

// The manifests of many snapshots, each once. Most snapshots share most of them, so nothing is copied.
class Manifests {
 public:
  using ByPath = std::unordered_map<std::string_view, const ManifestFile*>;

  Status Add(ManifestLists& lists, const Snapshot& snapshot) {
    if (snapshot.manifest_list.empty()) return Status::OK();  // v1 inline manifests: nothing of ours
    ARROW_ASSIGN_OR_RAISE(ManifestListPtr list, lists.Get(snapshot));
    for (const ManifestFile& manifest : *list) by_path_.emplace(manifest.manifest_path, &manifest);
    held_.push_back(std::move(list));
    return Status::OK();
  }
  Status Subtract(ManifestLists& lists, const Snapshot& snapshot) {
    if (snapshot.manifest_list.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const ManifestListPtr list, lists.Get(snapshot));
    for (const ManifestFile& manifest : *list) by_path_.erase(manifest.manifest_path);
    return Status::OK();
  }
  bool empty() const { return by_path_.empty(); }
  bool contains(std::string_view path) const { return by_path_.contains(path); }
  const ByPath& by_path() const { return by_path_; }

 private:
  std::vector<ManifestListPtr> held_;  // keep what by_path_ borrows
  ByPath by_path_;
};

// By how many commits lie between a snapshot and the last one that expired.
std::vector<const Snapshot*> NearestFirst(std::vector<const Snapshot*> snapshots,
                                          const std::vector<const Snapshot*>& expired) {
  if (expired.empty()) return snapshots;
  const int64_t from = expired.back()->sequence_number;
  std::ranges::stable_sort(snapshots, {},
                           [&](const Snapshot* snapshot) { return std::abs(snapshot->sequence_number - from); });
  return snapshots;
}

// Takes out of `candidates` the files that a manifest's live entries name.
Status EraseLive(ManifestLists& lists, ManifestContents& contents, const TableMetadata& metadata,
                 const Manifests& manifests, std::unordered_map<Hash128, std::string>& candidates) {
  for (const auto& [path, manifest] : manifests.by_path()) {
    if (candidates.empty()) return Status::OK();
    if (const ManifestEntriesPtr known = lists.FindEntries(manifest->manifest_path)) {
      for (const ManifestEntry& entry : *known) candidates.erase(Xxh3(entry.file.file_path));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const Paths live, contents.LiveFiles(metadata, *manifest));
    for (const Hash128& hash : *live) candidates.erase(hash);
  }
  return Status::OK();
}

// Adds the data files that a manifest's live entries name.
Status AddLive(io::FileStore& files, ManifestLists& lists, const TableMetadata& metadata, const ManifestFile& manifest,
               std::unordered_map<Hash128, std::string>& data_files) {
  const auto add = [&](const ManifestEntry& entry) {
    if (entry.live()) data_files.emplace(Xxh3(entry.file.file_path), entry.file.file_path);
    return Status::OK();
  };
  const ManifestEntriesPtr known = lists.FindEntries(manifest.manifest_path);
  if (known == nullptr) return ForEachEntry(files, metadata, manifest, ManifestReadOptions::Statistics::kNone, add);
  for (const ManifestEntry& entry : *known) ARROW_RETURN_NOT_OK(add(entry));
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
  std::set<std::string> kept_lists;
  for (const Snapshot* snapshot : retained) kept_lists.insert(snapshot->manifest_list);
  Manifests gone;
  std::vector<std::string> unreachable;
  for (const Snapshot* snapshot : expired) {
    ARROW_RETURN_NOT_OK(gone.Add(lists, *snapshot));
    if (!snapshot->manifest_list.empty() && !kept_lists.contains(snapshot->manifest_list)) {
      unreachable.push_back(snapshot->manifest_list);
    }
  }
  // Neighbours share nearly all their manifests: after the first the others have little to say, mostly nothing.
  for (const Snapshot* snapshot : NearestFirst(retained, expired)) {
    if (gone.empty()) break;
    ARROW_RETURN_NOT_OK(gone.Subtract(lists, *snapshot));
  }
  if (gone.empty()) return unreachable;
  std::unordered_map<Hash128, std::string> data_files;
  for (const auto& [path, manifest] : gone.by_path()) {
    unreachable.emplace_back(path);
    ARROW_RETURN_NOT_OK(AddLive(files, lists, metadata, *manifest, data_files));
  }
  Manifests kept;
  for (const Snapshot* snapshot : retained) ARROW_RETURN_NOT_OK(kept.Add(lists, *snapshot));
  ARROW_RETURN_NOT_OK(EraseLive(lists, contents, metadata, kept, data_files));
  for (auto& [hash, path] : data_files) unreachable.push_back(std::move(path));
  return unreachable;
}

std::string NormalLocation(const std::string& location) {
  const auto path = io::PathOfLocation(location);
  if (path.ok()) return *path;
  for (const char* scheme : {"s3a://", "s3n://"}) {
    if (location.starts_with(scheme)) return "s3" + location.substr(3);
  }
  return location;
}

bool IsInside(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

bool IsOwnFile(const TableMetadata& metadata, const std::string& file) {
  const std::string path = NormalLocation(file);
  if (path.find("/../") != std::string::npos || path.find("/./") != std::string::npos) return false;
  for (const std::string& folder :
       {metadata.location, metadata.Property("write.data.path", ""), metadata.Property("write.metadata.path", "")}) {
    std::string normal = folder.empty() ? "" : NormalLocation(folder);
    while (normal.ends_with('/')) normal.pop_back();
    if (!normal.empty() && IsInside(path, normal)) return true;
  }
  return false;
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
    ARROW_RETURN_NOT_OK(manifests.Add(lists, snapshot));
  }
  std::unordered_map<Hash128, std::string> left;
  for (const std::string& candidate : candidates) {
    if (!manifests.contains(candidate)) left.emplace(Xxh3(candidate), candidate);
  }
  ARROW_RETURN_NOT_OK(EraseLive(lists, contents, metadata, manifests, left));
  candidates.clear();
  for (auto& [hash, path] : left) candidates.insert(std::move(path));
  return Status::OK();
}

}  // namespace firn::table
