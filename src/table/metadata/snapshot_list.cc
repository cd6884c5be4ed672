#include "table/metadata/snapshot_list.h"

#include <algorithm>
#include <utility>

#include "table/metadata/schema_json.h"

namespace firn::table {

SnapshotList::SnapshotList(std::vector<Snapshot> snapshots) {
  entries_.reserve(snapshots.size());
  for (Snapshot& snapshot : snapshots) push_back(std::move(snapshot));
}

void SnapshotList::push_back(Snapshot snapshot) {
  entries_.push_back(std::make_shared<const Entry>(std::move(snapshot)));
}

size_t SnapshotList::EraseIf(const std::function<bool(const Snapshot&)>& gone) {
  return std::erase_if(entries_, [&](const auto& entry) { return gone(entry->snapshot); });
}

const std::string& SnapshotList::Json(size_t index) const {
  const Entry& entry = *entries_[index];
  std::call_once(entry.once, [&] { entry.json = WriteSnapshot(entry.snapshot); });
  return entry.json;
}

bool operator==(const SnapshotList& a, const SnapshotList& b) {
  return std::equal(a.entries_.begin(), a.entries_.end(), b.entries_.begin(), b.entries_.end(),
                    [](const auto& x, const auto& y) { return x == y || x->snapshot == y->snapshot; });
}

}  // namespace firn::table
