#include "table/commit/manifest_list_cache.h"

#include <arrow/buffer.h>

#include <memory>

namespace firn::table {
namespace {

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

}  // namespace firn::table
