#include "table/commit/manifest_list_cache.h"

#include <arrow/buffer.h>

#include <memory>

namespace firn::table {
namespace {

// A data file of a wide table takes tens of kilobytes in memory: statistics of each column.
constexpr size_t kRememberedManifestsMax = 256;
constexpr size_t kRememberedEntriesMax = 4;
constexpr size_t kRememberedColumnsMax = 200;

int64_t Charge(const ManifestListPtr& list) {
  return static_cast<int64_t>(list->size()) + 1;
}

}  // namespace

Result<ManifestListPtr> ManifestListCache::Get(const Snapshot& snapshot) {
  const std::string& location = snapshot.manifest_list;
  if (location.empty()) {
    return MakeError(Fault::kConfig,
                     "snapshot has no manifest list (format version 1): " + std::to_string(snapshot.snapshot_id.value));
  }
  {
    MutexLock lock(mutex_);
    const auto found = lists_.find(location);
    if (found != lists_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return found->second->second;
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto bytes, files_.Read(location));
  auto decoded = DecodeManifestList({reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size())});
  if (!decoded.ok()) return Within(location, decoded.status());
  auto list = std::make_shared<const std::vector<ManifestFile>>(*std::move(decoded));
  Put(location, list);
  return list;
}

void ManifestListCache::Put(const std::string& location, ManifestListPtr list) {
  MutexLock lock(mutex_);
  if (lists_.contains(location)) return;
  num_entries_ += Charge(list);
  order_.emplace_front(location, std::move(list));
  lists_[location] = order_.begin();
  while (num_entries_ > entries_max_ && order_.size() > 1) {
    num_entries_ -= Charge(order_.back().second);
    lists_.erase(order_.back().first);
    order_.pop_back();
  }
}

ManifestEntriesPtr ManifestListCache::FindEntries(const std::string& manifest_path) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(manifest_path);
  return found == entries_.end() ? nullptr : found->second;
}

void ManifestListCache::PutEntries(const std::string& manifest_path, std::vector<ManifestEntry> entries) {
  if (entries.size() > kRememberedEntriesMax) return;
  for (const ManifestEntry& entry : entries) {
    if (entry.file.value_counts.size() > kRememberedColumnsMax) return;
  }
  auto shared = std::make_shared<const std::vector<ManifestEntry>>(std::move(entries));
  MutexLock lock(mutex_);
  if (!entries_.emplace(manifest_path, std::move(shared)).second) return;
  entries_order_.push_back(manifest_path);
  if (entries_order_.size() <= kRememberedManifestsMax) return;
  entries_.erase(entries_order_.front());
  entries_order_.pop_front();
}

}  // namespace firn::table
