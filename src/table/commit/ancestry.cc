#include "table/commit/ancestry.h"

#include <unordered_map>

namespace firn::table {

Ancestry AncestryOf(const TableMetadata& metadata, SnapshotId head) {
  std::unordered_map<int64_t, const Snapshot*> by_id;
  for (const Snapshot& snapshot : metadata.snapshots) by_id.emplace(snapshot.snapshot_id.value, &snapshot);
  Ancestry ancestry;
  auto found = by_id.find(head.value);
  // Each snapshot is taken out when visited: parents in a circle (damaged metadata) end the walk.
  while (found != by_id.end()) {
    const Snapshot* snapshot = found->second;
    ancestry.snapshots.push_back(snapshot);
    by_id.erase(found);
    if (!snapshot->parent_snapshot_id) return ancestry;
    found = by_id.find(snapshot->parent_snapshot_id->value);
  }
  ancestry.ends_at_expired = !ancestry.snapshots.empty();
  return ancestry;
}

Ancestry AncestryOfMain(const TableMetadata& metadata) {
  if (!metadata.current_snapshot_id) return {};
  return AncestryOf(metadata, *metadata.current_snapshot_id);
}

}  // namespace firn::table
