#pragma once

#include <compare>
#include <cstdint>

namespace firn::table {

/// The id of a snapshot: random, positive, never a counter (Iceberg spec, "Snapshots").
struct SnapshotId {
  int64_t value = 0;
  friend auto operator<=>(SnapshotId, SnapshotId) = default;
};

}  // namespace firn::table
