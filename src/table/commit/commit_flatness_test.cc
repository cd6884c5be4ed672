#include <gtest/gtest.h>

#include <filesystem>

#include "table/commit/commit_test_support.h"

/// A commit costs the same whatever the age of the table.
namespace firn::table {
namespace {

using namespace commit_testing;

struct Cost {
  int calls = 0;
  int64_t metadata_bytes = 0;
  size_t num_manifests = 0;
  size_t num_snapshots = 0;
};

// estuary/connectors#3984, apache/iceberg#17219, RisingWave#13048: metadata that grows with every commit.
TEST(CommitFlatness, ThreeHundredCommitsStayFlat) {
  Warehouse world;
  io::FaultyFileStore counting(*world.files, {});
  auto catalog = world.OpenCatalog(counting);
  auto committer = Committer::Make(*catalog, counting, world.clock, FastOptions());
  OpenedStream opened = Must(committer->OpenStream(kOrders, "s"));
  Ids expected;
  std::vector<Cost> costs;
  const char* wanted = std::getenv("FIRN_TEST_COMMITS");  // the long proof makes 10,000
  const int64_t num_commits = wanted == nullptr ? 330 : std::atoll(wanted);
  for (int64_t i = 0; i < num_commits; ++i) {
    world.clock.Advance(std::chrono::seconds(30));
    const std::string run = "run-" + std::to_string(i);
    const StagedTable staged = Stage(opened, kOrders, "s", run, std::to_string(i), {world.Write(kOrders, {i}, run)});
    const int before = counting.num_calls();
    const auto done = committer->Commit({&staged, 1}, {});
    ASSERT_TRUE(done.ok()) << done.status().ToString();
    opened = {.table = done->front().table, .version = done->front().version, .epoch = opened.epoch};
    expected.insert(i);
    const TableMetadata& metadata = *opened.table->metadata;
    ManifestListCache lists(*world.files, 1000);
    costs.push_back({.calls = counting.num_calls() - before,
                     .metadata_bytes = Must(world.files->Size(opened.table->metadata_location)),
                     .num_manifests = Must(lists.Get(*metadata.CurrentSnapshot()))->size(),
                     .num_snapshots = metadata.snapshots.size()});
  }
  EXPECT_EQ(world.Read(kOrders), expected);
  const auto mean = [&](size_t begin, size_t end) {
    int sum = 0;
    for (size_t i = begin; i < end; ++i) sum += costs[i].calls;
    return static_cast<double>(sum) / static_cast<double>(end - begin);
  };
  const double early = mean(5, 15);
  // With merges of manifests and several expiries.
  const double late = mean(costs.size() - 125, costs.size() - 5);
  RecordProperty("file_calls_at_10", std::to_string(early));
  RecordProperty("file_calls_at_the_end", std::to_string(late));
  std::printf(
      "%zu commits, file calls per commit: %.1f early, %.1f late; metadata %ld KiB; snapshots %zu; manifests %zu\n",
      costs.size(), early, late, static_cast<long>(costs.back().metadata_bytes / 1024), costs.back().num_snapshots,
      costs.back().num_manifests);
  EXPECT_LT(late, early * 1.8);
  for (const Cost& cost : costs) {
    EXPECT_LE(cost.num_manifests, 200u);
    EXPECT_LE(cost.num_snapshots, num_commits > 330 ? 200u : 130u);  // 100, one per hour, one per day, and the slack
    EXPECT_LT(cost.metadata_bytes, 256 * 1024);
  }
  // What is on disk is bounded as well: metadata files and manifest lists of expired snapshots are gone.
  int64_t num_lists = 0;
  int64_t num_metadata = 0;
  int64_t num_manifests = 0;
  for (const io::FileInfo& info : Must(world.files->List(MetadataFolder(catalog->DefaultLocation(kOrders))))) {
    const bool list = info.location.find("/snap-") != std::string::npos;
    num_lists += list;
    num_metadata += info.location.ends_with(".metadata.json");
    num_manifests += !list && info.location.ends_with(".avro");
  }
  EXPECT_EQ(num_lists, static_cast<int64_t>(costs.back().num_snapshots));
  EXPECT_LE(num_metadata, 102);
  EXPECT_LE(num_manifests, num_commits);
}

TEST(CommitFlatness, ExpiryRemovesFilesThatOnlyOldSnapshotsHad) {
  Warehouse world;
  CommitterOptions options = FastOptions();
  options.retention = {.snapshots_min = 3, .snapshots_slack = 0, .hourly_for_ms = 0};
  auto committer = world.MakeCommitter(options);
  for (int64_t i = 0; i < 12; ++i) {
    world.clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(Load(world, *committer, kOrders, "s", {i}, std::to_string(i), WriteMode::kOverwriteAll).ok());
  }
  EXPECT_EQ(world.Read(kOrders), (Ids{11}));
  const auto table = Must(world.catalog->LoadTable(kOrders));
  std::set<std::string> live;
  for (const Snapshot& snapshot : table->metadata->snapshots) {
    for (const std::string& file : world.LiveFiles(*table->metadata, snapshot)) live.insert(file);
  }
  std::set<std::string> on_disk;
  for (const io::FileInfo& info : Must(world.files->List(table->metadata->location + "/data"))) {
    on_disk.insert(info.location);
  }
  EXPECT_EQ(on_disk, live);
  EXPECT_LE(live.size(), 5u);
}

// Whoever may write a manifest must not get files deleted that are none of the table's.
TEST(CommitFlatness, ExpiryRemovesNothingOutsideOfTheTable) {
  for (const char* gc : {"true", "false"}) {
    SCOPED_TRACE(gc);
    Warehouse world;
    CommitterOptions options = FastOptions();
    options.retention = {.snapshots_min = 2, .snapshots_slack = 0, .hourly_for_ms = 0};
    auto committer = world.MakeCommitter(options);
    const auto opened = Must(committer->OpenStream(kOrders, "s"));
    const DataFile outside = world.Write(kItems, {100}, "outside");
    const DataFile inside = world.Write(kOrders, {101}, "inside");
    StagedTable staged = Stage(opened, kOrders, "s", "first", "f", {outside, inside});
    staged.create->properties["gc.enabled"] = gc;
    Must(committer->Commit({&staged, 1}, {}).status());
    for (int64_t i = 0; i < 6; ++i) {
      world.clock.Advance(std::chrono::seconds(1));
      Must(Load(world, *committer, kOrders, "s", {i}, std::to_string(i), WriteMode::kOverwriteAll).status());
    }
    EXPECT_EQ(world.Read(kOrders), (Ids{5}));
    EXPECT_TRUE(Must(world.files->Exists(outside.file_path)));
    EXPECT_EQ(Must(world.files->Exists(inside.file_path)), std::string(gc) == "false");
  }
}

TEST(CommitFlatness, TaggedSnapshotsKeepTheirFiles) {
  Warehouse world;
  CommitterOptions options = FastOptions();
  options.retention = {.snapshots_min = 2, .snapshots_slack = 0, .hourly_for_ms = 0};
  auto committer = world.MakeCommitter(options);
  const auto first = Must(Load(world, *committer, kOrders, "s", {100}, "0"));
  const catalog::TableCommit tag{
      .identifier = kOrders,
      .updates = {update::SetSnapshotRef{.name = "keep",
                                         .ref = {.snapshot_id = first.snapshot_id, .type = SnapshotRef::Type::kTag}}}};
  ASSERT_EQ(Must(world.catalog->Commit({&tag, 1}, {})).outcome, catalog::CommitOutcome::kCommitted);
  for (int64_t i = 0; i < 8; ++i) {
    world.clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(Load(world, *committer, kOrders, "s", {i}, std::to_string(i + 1), WriteMode::kOverwriteAll).ok());
  }
  const auto table = Must(world.catalog->LoadTable(kOrders));
  const Snapshot* tagged = table->metadata->FindRef("keep");
  ASSERT_NE(tagged, nullptr);
  for (const std::string& file : world.LiveFiles(*table->metadata, *tagged)) {
    EXPECT_TRUE(Must(world.files->Exists(file)));
  }
}

}  // namespace
}  // namespace firn::table
