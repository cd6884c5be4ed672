#include "table/commit/retention.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "table/commit/stream_token.h"

namespace firn::table {
namespace {

constexpr int64_t kNow = 1000 * kDayMs;

// Snapshots 1..n on main, the newest at kNow, `step_ms` apart.
TableMetadata Chain(int length, int64_t step_ms) {
  TableMetadata metadata;
  for (int i = 1; i <= length; ++i) {
    Snapshot snapshot{.snapshot_id = {i}, .sequence_number = i, .timestamp_ms = kNow - (length - i) * step_ms};
    if (i > 1) snapshot.parent_snapshot_id = SnapshotId{i - 1};
    metadata.snapshots.push_back(snapshot);
  }
  metadata.current_snapshot_id = SnapshotId{length};
  metadata.refs["main"] = {.snapshot_id = {length}};
  return metadata;
}

std::set<int64_t> KeptOf(const TableMetadata& metadata, const RetentionOptions& options) {
  std::set<int64_t> kept;
  for (const Snapshot& snapshot : metadata.snapshots) kept.insert(snapshot.snapshot_id.value);
  for (const SnapshotId id : ChooseExpired(metadata, options, kNow)) kept.erase(id.value);
  return kept;
}

void Expire(TableMetadata& metadata, const std::vector<SnapshotId>& ids) {
  metadata.snapshots.EraseIf([&](const Snapshot& s) { return std::ranges::find(ids, s.snapshot_id) != ids.end(); });
}

const RetentionOptions kTen{.snapshots_min = 10, .snapshots_slack = 0};

TEST(Retention, KeepsTheNewestAndWaitsForTheSlack) {
  EXPECT_TRUE(ChooseExpired(Chain(120, 1000), {}, kNow).empty());
  EXPECT_TRUE(ChooseExpired(Chain(121, 1000), {}, kNow).empty());  // one hour bucket keeps another
  const auto expired = ChooseExpired(Chain(140, 1000), {}, kNow);
  EXPECT_GE(expired.size(), 38u);
  EXPECT_LE(expired.size(), 40u);
  EXPECT_TRUE(std::ranges::is_sorted(expired));
  EXPECT_TRUE(ChooseExpired(Chain(1000, 1000), {.enabled = false}, kNow).empty());
}

TEST(Retention, ThinsHourlyThenDaily) {
  TableMetadata metadata = Chain(10'000, 10 * 60'000);  // every ten minutes, 69 days
  const auto kept = KeptOf(metadata, kTen);
  EXPECT_GE(kept.size(), 10u + 22 + 67);
  EXPECT_LE(kept.size(), 10u + 26 + 71);
  for (int64_t i = 9991; i <= 10'000; ++i) EXPECT_TRUE(kept.contains(i));
}

TEST(Retention, ThinningIsStable) {
  TableMetadata metadata = Chain(5'000, 10 * 60'000);
  Expire(metadata, ChooseExpired(metadata, kTen, kNow));
  EXPECT_TRUE(ChooseExpired(metadata, kTen, kNow).empty());
}

TEST(Retention, RefsAreKept) {
  TableMetadata metadata = Chain(1000, 1000);
  metadata.refs["tag"] = {.snapshot_id = {5}, .type = SnapshotRef::Type::kTag};
  metadata.refs["audit"] = {.snapshot_id = {50}, .min_snapshots_to_keep = 3, .max_snapshot_age_ms = 1};
  const auto kept = KeptOf(metadata, kTen);
  for (const int64_t id : {5, 48, 49, 50}) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_FALSE(kept.contains(4));
  EXPECT_FALSE(kept.contains(47));
}

TEST(Retention, AgeOfABranchKeepsItsAncestors) {
  TableMetadata metadata = Chain(1000, 1000);
  metadata.refs["audit"] = {.snapshot_id = {50}, .max_snapshot_age_ms = 955'000};
  const auto kept = KeptOf(metadata, kTen);
  EXPECT_TRUE(kept.contains(45));
  EXPECT_FALSE(kept.contains(44));
  metadata.refs.erase("audit");
  metadata.refs["main"].max_snapshot_age_ms = 100'000;  // main's own setting adds
  EXPECT_TRUE(KeptOf(metadata, kTen).contains(900));
}

TEST(Retention, RolledBackSnapshotsStayForDaysAndWhileAStreamNamesThem) {
  TableMetadata metadata = Chain(100, kHourMs);
  metadata.current_snapshot_id = SnapshotId{90};
  metadata.refs["main"] = {.snapshot_id = {90}};
  EXPECT_TRUE(KeptOf(metadata, kTen).contains(95));
  std::vector<Snapshot> older(metadata.snapshots.begin(), metadata.snapshots.end());
  for (Snapshot& snapshot : older) snapshot.timestamp_ms -= 30 * kDayMs;
  metadata.snapshots = SnapshotList(std::move(older));
  EXPECT_FALSE(KeptOf(metadata, kTen).contains(95));
  metadata.properties[StreamKey("s")] =
      WriteMirror({.token = {.epoch = 1}, .snapshot_id = {95}, .sequence_number = 95});
  EXPECT_TRUE(KeptOf(metadata, kTen).contains(95));
}

}  // namespace
}  // namespace firn::table
