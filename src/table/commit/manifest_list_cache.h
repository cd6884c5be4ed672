#pragma once

#include <deque>
#include <list>
#include <map>
#include <string>
#include <utility>

#include "base/thread_annotations.h"
#include "io/file_store.h"
#include "table/commit/snapshot_builder.h"

namespace firn::table {

/// Manifest lists by location, the least recently used dropped. Lists are immutable. Thread-safe.
class ManifestListCache : public ManifestLists {
 public:
  /// `entries_max`: manifest_file entries held over all lists.
  ManifestListCache(io::FileStore& files, int64_t entries_max) : files_(files), entries_max_(entries_max) {}

  /// Errors: kConfig for a v1 snapshot without a manifest list; kBadData; those of FileStore.
  Result<ManifestListPtr> Get(const Snapshot& snapshot) override FIRN_EXCLUDES(mutex_);
  /// Remembers a list that was just committed.
  void Put(const std::string& location, ManifestListPtr list) FIRN_EXCLUDES(mutex_);
  ManifestEntriesPtr FindEntries(const std::string& manifest_path) override FIRN_EXCLUDES(mutex_);
  /// Remembers the entries of a manifest that was just committed, if they are few.
  void PutEntries(const std::string& manifest_path, std::vector<ManifestEntry> entries) FIRN_EXCLUDES(mutex_);

 private:
  using Order = std::list<std::pair<std::string, ManifestListPtr>>;  // most recently used first

  io::FileStore& files_;
  const int64_t entries_max_;
  Mutex mutex_;
  Order order_ FIRN_GUARDED_BY(mutex_);
  std::map<std::string, Order::iterator> lists_ FIRN_GUARDED_BY(mutex_);
  int64_t num_entries_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, ManifestEntriesPtr> entries_ FIRN_GUARDED_BY(mutex_);
  std::deque<std::string> entries_order_ FIRN_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace firn::table
