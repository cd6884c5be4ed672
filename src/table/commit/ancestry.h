#pragma once

#include <vector>

#include "table/metadata/metadata.h"

namespace firn::table {

/// The snapshots from `head` back through parents that still exist. Borrowed from `metadata`.
struct Ancestry {
  std::vector<const Snapshot*> snapshots;  // newest first; empty if `head` does not exist
  bool ends_at_expired = false;            // the oldest one has a parent that is gone
};
Ancestry AncestryOf(const TableMetadata& metadata, SnapshotId head);

/// The ancestry of main; empty if there is no snapshot.
Ancestry AncestryOfMain(const TableMetadata& metadata);

}  // namespace firn::table
