#include "table/commit/retention.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "table/commit/ancestry.h"
#include "table/commit/stream_token.h"
#include "table/table_properties.h"

namespace firn::table {
namespace {

using Kept = std::set<SnapshotId>;

std::optional<int64_t> IntProperty(const TableMetadata& metadata, const char* name) {
  const std::string text = metadata.Property(name);
  int64_t value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

struct BranchRule {
  int64_t snapshots_min;
  int64_t age_ms_max;
};

// nullopt for what neither the ref nor the table says.
struct BranchSettings {
  std::optional<int64_t> snapshots_min;
  std::optional<int64_t> age_ms_max;
};

BranchSettings SettingsOf(const TableMetadata& metadata, const SnapshotRef& ref) {
  BranchSettings settings{.snapshots_min = IntProperty(metadata, kMinSnapshotsToKeep),
                          .age_ms_max = IntProperty(metadata, kMaxSnapshotAgeMs)};
  if (ref.min_snapshots_to_keep) settings.snapshots_min = ref.min_snapshots_to_keep;
  if (ref.max_snapshot_age_ms) settings.age_ms_max = ref.max_snapshot_age_ms;
  return settings;
}

void KeepAncestors(const Ancestry& ancestry, const BranchRule& rule, int64_t now_ms, Kept& kept) {
  int64_t position = 0;
  for (const Snapshot* snapshot : ancestry.snapshots) {
    if (position++ >= rule.snapshots_min && now_ms - snapshot->timestamp_ms > rule.age_ms_max) return;
    kept.insert(snapshot->snapshot_id);
  }
}

void KeepRefs(const TableMetadata& metadata, int64_t now_ms, Kept& kept) {
  for (const auto& [name, ref] : metadata.refs) {
    kept.insert(ref.snapshot_id);
    if (ref.type != SnapshotRef::Type::kBranch) continue;
    const BranchSettings settings = SettingsOf(metadata, ref);
    const bool is_main = name == kMainBranch;
    KeepAncestors(AncestryOf(metadata, ref.snapshot_id),
                  {.snapshots_min = settings.snapshots_min.value_or(1),
                   .age_ms_max = settings.age_ms_max.value_or(is_main ? -1 : 5 * kDayMs)},
                  now_ms, kept);
  }
}

// A stream whose last commit was rolled back is told so as long as that snapshot exists (decision 0003).
void KeepMirrored(const TableMetadata& metadata, const Ancestry& main, Kept& kept) {
  for (const auto& [key, value] : metadata.properties) {
    if (!key.starts_with(kStreamKeyPrefix)) continue;
    const auto mirror = ParseMirror(value);
    if (!mirror.ok()) continue;
    const bool on_main = std::ranges::any_of(
        main.snapshots, [&](const Snapshot* snapshot) { return snapshot->snapshot_id == mirror->snapshot_id; });
    if (!on_main) kept.insert(mirror->snapshot_id);
  }
}

// One per hour or day: buckets are of the calendar, not of the age, so that later runs choose the same snapshots.
class Thinning {
 public:
  Thinning(const RetentionOptions& options, int64_t now_ms) : options_(options), now_ms_(now_ms) {}
  // Asked from the newest to the oldest.
  bool Keeps(const Snapshot& snapshot) {
    const bool hourly = now_ms_ - snapshot.timestamp_ms <= options_.hourly_for_ms;
    return (hourly ? hours_ : days_).insert(snapshot.timestamp_ms / (hourly ? kHourMs : kDayMs)).second;
  }

 private:
  const RetentionOptions& options_;
  const int64_t now_ms_;
  std::set<int64_t> hours_;
  std::set<int64_t> days_;
};

}  // namespace

std::vector<SnapshotId> ChooseExpired(const TableMetadata& metadata, const RetentionOptions& options, int64_t now_ms) {
  const Ancestry main = AncestryOfMain(metadata);
  if (!options.enabled || main.snapshots.empty()) return {};
  Kept kept;
  KeepRefs(metadata, now_ms, kept);
  KeepMirrored(metadata, main, kept);
  KeepAncestors(main, {.snapshots_min = options.snapshots_min, .age_ms_max = -1}, now_ms, kept);

  std::set<SnapshotId> on_main;
  for (const Snapshot* snapshot : main.snapshots) on_main.insert(snapshot->snapshot_id);
  // Thinning cuts the chain of parents; what is older than the chain is history of main as well.
  const int64_t chain_begin =
      main.ends_at_expired ? main.snapshots.back()->sequence_number : std::numeric_limits<int64_t>::min();

  std::vector<const Snapshot*> newest_first;
  for (const Snapshot& snapshot : metadata.snapshots) newest_first.push_back(&snapshot);
  std::ranges::stable_sort(newest_first, [](const Snapshot* a, const Snapshot* b) {
    return a->sequence_number != b->sequence_number ? a->sequence_number > b->sequence_number
                                                    : a->timestamp_ms > b->timestamp_ms;
  });
  Thinning thinning(options, now_ms);
  std::vector<SnapshotId> expired;
  for (const Snapshot* snapshot : newest_first) {
    const bool history = on_main.contains(snapshot->snapshot_id) || snapshot->sequence_number < chain_begin;
    if (kept.contains(snapshot->snapshot_id)) continue;
    const bool stays = history ? options.thins && thinning.Keeps(*snapshot)
                               : now_ms - snapshot->timestamp_ms <= options.unreferenced_age_ms;
    if (!stays) expired.push_back(snapshot->snapshot_id);
  }
  if (static_cast<int>(expired.size()) <= options.snapshots_slack) return {};
  std::ranges::reverse(expired);
  return expired;
}

}  // namespace firn::table
