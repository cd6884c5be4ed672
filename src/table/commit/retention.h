#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "table/metadata/metadata.h"

/// Which snapshots a table keeps. Pure.
namespace firn::table {

inline constexpr int64_t kHourMs = 3'600'000;
inline constexpr int64_t kDayMs = 24 * kHourMs;

struct RetentionOptions {
  bool enabled = true;
  int snapshots_min = 100;   // the newest on main, always kept
  int snapshots_slack = 20;  // expiry waits until that many more could go, so that its cost is shared by many commits
  bool thins = true;         // false: nothing of main that is older than those stays
  int64_t hourly_for_ms = kDayMs;            // older than the newest: one per hour for that long, then one per day
  int64_t unreferenced_age_ms = 5 * kDayMs;  // snapshots on no ref (rolled back, staged) are kept that long
  int64_t file_age_ms_min = 0;               // unreachable files younger than this are left to garbage collection
};

/// Returns the snapshots to expire, oldest first. Heads of refs are always kept, ancestors of other branches as
/// `min-snapshots-to-keep` and `max-snapshot-age-ms` (of the ref, else of the table properties history.expire.*, else
/// 1 and 5 days) say (Iceberg spec, "Snapshot Retention Policy"). The same settings of main add to what is kept.
std::vector<SnapshotId> ChooseExpired(const TableMetadata& metadata, const RetentionOptions& options, int64_t now_ms);

}  // namespace firn::table
