#pragma once

#include <cstdint>

#include "base/status.h"
#include "table/scan/plan.h"

namespace firn::table {

/// The files of two snapshots without those that have the same live rows in both.
struct SnapshotDiff {
  ScanPlan from;  // what must be read of the first
  ScanPlan to;    // and of the second
  int64_t files_shared = 0;
};

/// Takes out the data files that stand in both plans with the same deletes applying: whatever rows changed, they are in
/// the others. Both plans: of all files, with Deletes::kPlan. Pure.
SnapshotDiff WithoutShared(ScanPlan from, ScanPlan to);

/// Plans both snapshots and compares. Errors: of PlanFiles.
Result<SnapshotDiff> PlanDiff(io::FileStore& files, const TableMetadata& metadata, const Snapshot& from,
                              const Snapshot& to);

}  // namespace firn::table
