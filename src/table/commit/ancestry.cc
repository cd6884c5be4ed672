#include "table/commit/ancestry.h"

#include <unordered_map>

namespace firn::table {
namespace {

// Parents in any order, and damaged metadata whose parents form a circle.
Ancestry AncestryInAnyOrder(const TableMetadata& metadata, SnapshotId head) {
  std::unordered_map<int64_t, const Snapshot*> by_id;
  for (const Snapshot& snapshot : metadata.snapshots) by_id.emplace(snapshot.snapshot_id.value, &snapshot);
  Ancestry ancestry;
  auto found = by_id.find(head.value);
  // Each snapshot is taken out when visited: a circle ends the walk.
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

}  // namespace

// Every commit asks several times. Writers append, so parents stand before their children: one walk to the front.
Ancestry AncestryOf(const TableMetadata& metadata, SnapshotId head) {
  Ancestry ancestry;
  SnapshotId wanted = head;
  for (auto place = metadata.snapshots.rbegin(); place != metadata.snapshots.rend(); ++place) {
    if (place->snapshot_id != wanted) continue;
    ancestry.snapshots.push_back(&*place);
    if (!place->parent_snapshot_id) return ancestry;
    wanted = *place->parent_snapshot_id;
  }
  if (metadata.FindSnapshot(wanted) != nullptr) return AncestryInAnyOrder(metadata, head);
  ancestry.ends_at_expired = !ancestry.snapshots.empty();
  return ancestry;
}

Ancestry AncestryOfMain(const TableMetadata& metadata) {
  if (!metadata.current_snapshot_id) return {};
  return AncestryOf(metadata, *metadata.current_snapshot_id);
}

}  // namespace firn::table
