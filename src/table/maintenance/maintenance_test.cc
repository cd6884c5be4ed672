#include "table/maintenance/maintenance.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>

#include "table/commit/faulty_catalog_test_support.h"
#include "table/maintenance/maintenance_test_support.h"

namespace firn::table {
namespace {

using namespace maintenance_testing;
using commit_testing::Warehouse;

MaintenanceOptions CompactOnly() {
  return {.rewrite_manifests = false, .expire = false};
}

Status AppendMany(KeyedTable& table, int64_t count, int64_t rows_each = 3) {
  for (int64_t i = 0; i < count; ++i) {
    std::vector<Row> rows;
    for (int64_t j = 0; j < rows_each; ++j) rows.push_back({i * rows_each + j, j % 2 == 0 ? "a" : "b", i});
    ARROW_RETURN_NOT_OK(table.Append(rows));
  }
  return Status::OK();
}

TEST(Maintenance, PutsSmallFilesTogetherAndChangesNothingElse) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 7).ok());
  const auto rows_before = table.Rows();
  const auto report = Must(table.Maintain(CompactOnly()));
  EXPECT_EQ(report.groups_committed, 1);
  EXPECT_EQ(report.before.data_files, 7);
  EXPECT_EQ(report.after.data_files, 1);
  EXPECT_EQ(table.Rows(), rows_before);  // order too
  table.ExpectModel();
  const auto metadata = table.Load().metadata;
  const auto& summary = metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "replace");
  EXPECT_EQ(summary.at("deleted-data-files"), "7");
  EXPECT_EQ(summary.at("added-records"), summary.at("deleted-records"));
  // The token is carried on as it was, and the stream goes on.
  ASSERT_TRUE(table.Append({{100, "a", 1}}).ok());
  table.ExpectModel();
  // Nothing to do: nothing is committed.
  const auto snapshots = table.Load().metadata->snapshots.size();
  EXPECT_EQ(Must(table.Maintain(CompactOnly())).groups_planned, 0);
  EXPECT_EQ(table.Load().metadata->snapshots.size(), snapshots);
}

TEST(Maintenance, AppliesDeletesAndDropsThem) {
  Warehouse world;
  KeyedTable table(world, {.partitioned = true});
  ASSERT_TRUE(AppendMany(table, 6, 10).ok());
  ASSERT_TRUE(table.Merge({{1, "b", 77}, {500, "a", 78}}, {0, 2, 4, 12, 33}).ok());
  ASSERT_TRUE(table.Merge({{1, "b", 79}}, {6, 8, 14}).ok());
  EXPECT_GT(table.Live().health().delete_files, 0);
  const auto report = Must(table.Maintain(CompactOnly()));
  EXPECT_EQ(report.after.delete_files, 0);
  EXPECT_EQ(report.after.data_files, 2);  // one per partition
  EXPECT_EQ(report.rows_deleted, report.before.position_deletes);
  EXPECT_EQ(report.after.records, static_cast<int64_t>(table.model.size()));
  table.ExpectModel();
}

TEST(Maintenance, RewritesALargeFileOnlyForItsDeletes) {
  Warehouse world;
  KeyedTable table(world);
  std::vector<Row> rows;
  for (int64_t i = 0; i < 1000; ++i) rows.push_back({i, "a", i});
  ASSERT_TRUE(table.Append(rows).ok());
  const int64_t bytes = table.Live().health().data_bytes;
  MaintenanceOptions options = CompactOnly();
  options.compaction.target_file_bytes = bytes;
  std::vector<int64_t> some, more;
  for (int64_t i = 0; i < 200; ++i) some.push_back(i);
  for (int64_t i = 200; i < 310; ++i) more.push_back(i);
  ASSERT_TRUE(table.Merge({}, some).ok());
  EXPECT_EQ(Must(table.Maintain(options)).groups_planned, 0);  // 20 %
  ASSERT_TRUE(table.Merge({}, more).ok());
  const auto report = Must(table.Maintain(options));  // 31 %
  EXPECT_EQ(report.groups_committed, 1);
  EXPECT_EQ(report.rows_deleted, 310);
  table.ExpectModel();
}

// iceberg#10312, #2308, #5397: a compaction must not bring rows back that equality deletes took away.
// apache/iceberg#2308, #5397: equality deletes lost their reach by a compaction, or dangled for ever.
TEST(Maintenance, AppliesEqualityDeletesAndKeepsThoseThatStillReachFiles) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 5).ok());
  ASSERT_TRUE(table.DeleteByEquality({0, 7}).ok());
  ASSERT_TRUE(table.Append({{0, "a", 9}}).ok());  // newer than the delete: it stays
  table.ExpectModel();
  const auto report = Must(table.Maintain(CompactOnly()));
  EXPECT_EQ(report.after.delete_files, 0);
  EXPECT_EQ(report.rows_deleted, 2);
  table.ExpectModel();
}

TEST(Maintenance, GivesWayToDeletesThatCameBetweenPlanAndCommit) {
  for (const bool by_equality : {false, true}) {
    Warehouse world;
    KeyedTable table(world);
    ASSERT_TRUE(AppendMany(table, 6).ok());
    InterruptedCommitter interrupted(table.committer(), 1, [&] {
      return by_equality ? table.DeleteByEquality({4}) : table.Merge({{1, "b", 55}}, {4, 16});
    });
    const auto report = Must(table.Maintain(CompactOnly(), &interrupted));
    EXPECT_EQ(report.groups_committed, 1);
    EXPECT_EQ(report.groups_given_up, 0);
    EXPECT_EQ(report.after.delete_files, 0);  // planned again, with the new deletes
    table.ExpectModel();
  }
}

TEST(Maintenance, AppendsInBetweenDoNotHinderIt) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 6).ok());
  InterruptedCommitter interrupted(table.committer(), 1, [&] { return table.Append({{900, "a", 1}}); });
  const auto report = Must(table.Maintain(CompactOnly(), &interrupted));
  EXPECT_EQ(report.groups_committed, 1);
  EXPECT_EQ(report.after.data_files, 2);
  table.ExpectModel();
}

TEST(Maintenance, GivesUpAgainstAFasterWriterWithoutHarm) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 6).ok());
  int64_t next = 0;
  InterruptedCommitter interrupted(table.committer(), 100, [&] { return table.Merge({}, {next++}); });
  const auto report = Must(table.Maintain(CompactOnly(), &interrupted));
  EXPECT_EQ(report.groups_committed, 0);
  EXPECT_EQ(report.groups_given_up, 1);
  EXPECT_EQ(report.notes.size(), 1u);
  table.ExpectModel();
  // It left nothing behind.
  world.clock.Advance(std::chrono::hours(24 * 365 * 20));
  EXPECT_TRUE(Must(FindOrphans(*world.catalog, *world.files, table.identifier, world.clock, 0)).files.empty());
}

TEST(Maintenance, AMergeThatWasPlannedBeforeACompactionPlansAgain) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 6).ok());
  const auto opened = Must(table.committer().OpenStream(table.identifier, "s"));
  ASSERT_EQ(Must(table.Maintain(CompactOnly())).groups_committed, 1);
  bool planned_again = false;
  StagedTable staged{.identifier = table.identifier,
                     .base = opened.table->metadata,
                     .mode = WriteMode::kRowDelta,
                     .stream_id = "s",
                     .epoch = opened.epoch,
                     .from = opened.version,
                     .state = "\"later\"",
                     .run = "later"};
  staged.removed = {table.Live().files()[0].entry->file.file_path + "-gone"};
  staged.replan = [&](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> {
    planned_again = true;
    return RowDelta{};
  };
  ASSERT_TRUE(table.committer().Commit({&staged, 1}, {}).ok());
  EXPECT_TRUE(planned_again);
}

TEST(Maintenance, WorksWithinABudgetAndGoesOnTheNextTime) {
  Warehouse world;
  KeyedTable table(world, {.partitioned = true});
  for (int64_t i = 0; i < 30; ++i) {
    ASSERT_TRUE(table.Append({{i, "r" + std::to_string(i % 3), i}}).ok());
  }
  MaintenanceOptions options = AutomaticMaintenance();
  options.budget_bytes = table.Live().health().data_bytes / 2;  // one of three partitions, and half of another
  int calls = 0;
  while (true) {
    const auto report = Must(table.Maintain(options));
    if (!report.due) break;
    ASSERT_LE(++calls, 6);
    EXPECT_LE(report.bytes_read, options.budget_bytes);
    EXPECT_GT(report.groups_committed, 0);
  }
  EXPECT_GT(calls, 1);
  EXPECT_LE(table.Live().health().data_files, 6);
  table.ExpectModel();
}

TEST(Maintenance, TiersRewriteARowFewTimes) {
  Warehouse world;
  KeyedTable table(world);
  int64_t bytes_read = 0;
  for (int64_t i = 0; i < 150; ++i) {
    ASSERT_TRUE(table.Append({{i, "a", i}}).ok());
    bytes_read += Must(table.Maintain(AutomaticMaintenance())).files_read;
  }
  EXPECT_LE(table.Live().health().data_files, 15);
  EXPECT_LE(bytes_read, 600);  // files; rewriting all at every fifth run would read 2,500
  table.ExpectModel();
}

TEST(Maintenance, ADryRunChangesNothing) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 6).ok());
  MaintenanceOptions options{.find_orphans = true, .remove_orphans = true, .dry_run = true};
  const auto before = table.Load().metadata_location;
  const auto report = Must(table.Maintain(options));
  EXPECT_EQ(report.groups_planned, 1);
  EXPECT_EQ(report.groups_committed, 0);
  EXPECT_EQ(report.files_read, 6);
  EXPECT_EQ(table.Load().metadata_location, before);
}

TEST(Maintenance, KeepsTheSortOrderOfTheTable) {
  Warehouse world;
  KeyedTable table(world, {.sorted = true});
  std::mt19937_64 random(7);
  for (int64_t i = 0; i < 8; ++i) {
    std::vector<Row> rows;
    for (int64_t j = 0; j < 50; ++j) rows.push_back({i * 50 + j, "a", static_cast<int64_t>(random() % 20)});
    ASSERT_TRUE(table.Append(rows).ok());
  }
  ASSERT_EQ(Must(table.Maintain(CompactOnly())).after.data_files, 1);
  const auto rows = table.Rows();
  EXPECT_TRUE(std::ranges::is_sorted(rows, {}, [](const Row& row) { return std::pair(row.value, row.id); }));
  EXPECT_EQ(table.Live().files()[0].entry->file.sort_order_id, table.Load().metadata->default_sort_order_id);
  table.ExpectModel();
}

TEST(Maintenance, HoldsItsMemoryBound) {
  Warehouse world;
  KeyedTable table(world);
  for (int64_t i = 0; i < 6; ++i) {
    std::vector<Row> rows;
    for (int64_t j = 0; j < 200'000; ++j) {
      rows.push_back({i * 200'000 + j, "region number " + std::to_string((i * j) % 100'003), j * 7919});
    }
    ASSERT_TRUE(table.Append(rows).ok());
  }
  arrow::ProxyMemoryPool pool(arrow::default_memory_pool());
  MaintenanceOptions options = CompactOnly();
  options.memory_bytes = int64_t{8} << 20;
  options.pool = &pool;
  ASSERT_EQ(Must(table.Maintain(options)).groups_committed, 1);
  EXPECT_LT(pool.max_memory(), int64_t{24} << 20);  // the rows are 48 MB
  EXPECT_EQ(pool.bytes_allocated(), 0);
  EXPECT_EQ(table.Live().health().records, 1'200'000);
}

TEST(Maintenance, MergesManifestsInPartitionOrder) {
  Warehouse world;
  KeyedTable table(world, {.partitioned = true});
  ASSERT_TRUE(AppendMany(table, 20).ok());
  MaintenanceOptions options{.compact = false, .expire = false, .manifests_min = 2};
  const auto report = Must(table.Maintain(options));
  EXPECT_EQ(report.before.manifests, 20);
  EXPECT_EQ(report.after.manifests, 1);
  EXPECT_EQ(report.after.data_files, report.before.data_files);
  const auto live = table.Live();
  EXPECT_TRUE(std::ranges::is_sorted(live.files(), {}, [](const Inventory::File& file) {
    return std::get<std::string>(file.entry->file.partition[0].value);
  }));
  table.ExpectModel();
}

TEST(Maintenance, ExpiresSnapshotsButNotThoseOfRefs) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 6).ok());
  const auto tagged = table.Load().metadata->snapshots[1].snapshot_id;
  const catalog::TableCommit tag{
      .identifier = table.identifier,
      .updates = {
          update::SetSnapshotRef{.name = "audited", .ref = {.snapshot_id = tagged, .type = SnapshotRef::Type::kTag}}}};
  ASSERT_EQ(Must(world.catalog->Commit({&tag, 1}, {})).outcome, catalog::CommitOutcome::kCommitted);
  MaintenanceOptions options;
  options.retention = {.snapshots_min = 1, .snapshots_slack = 0, .hourly_for_ms = 0};
  world.clock.Advance(std::chrono::hours(48));
  const auto report = Must(table.Maintain(options));
  EXPECT_EQ(report.groups_committed, 1);
  EXPECT_GE(report.snapshots_expired, 4);
  EXPECT_GT(report.expired_files_removed, 0);
  const auto metadata = table.Load().metadata;
  EXPECT_NE(metadata->FindSnapshot(tagged), nullptr);
  // Files of the tag are there.
  for (const std::string& file : world.LiveFiles(*metadata, *metadata->FindSnapshot(tagged))) {
    EXPECT_TRUE(Must(world.files->Exists(file))) << file;
  }
  table.ExpectModel();
}

// An answer that was lost must not cost files: what only expired snapshots refer to is left to orphan removal.
// Altinity/ClickHouse#2416: cleaning up after a maintenance commit deleted a snapshot that had been published.
TEST(Maintenance, AnExpiryInDoubtIsLookedForAndRemovesNothing) {
  using commit_testing::FaultyCatalog;
  for (const auto mode : {FaultyCatalog::Mode::kAppliedThenUnknown, FaultyCatalog::Mode::kUnknownNotApplied,
                          FaultyCatalog::Mode::kUnknownAppliedLate, FaultyCatalog::Mode::kConflict}) {
    Warehouse world;
    KeyedTable table(world);
    ASSERT_TRUE(AppendMany(table, 6).ok());
    ASSERT_TRUE(table.Maintain(CompactOnly()).ok());
    FaultyCatalog faulty(*world.catalog, mode, 1);
    const auto committer = Committer::Make(faulty, *world.files, world.clock, commit_testing::FastOptions());
    const auto expiry =
        Must(committer->Expire(table.identifier, {.snapshots_min = 1, .snapshots_slack = 0, .thins = false}, {}));
    EXPECT_EQ(expiry.snapshots.size(), 6u);
    EXPECT_EQ(expiry.files_removed > 0, mode == FaultyCatalog::Mode::kConflict);
    EXPECT_EQ(table.Load().metadata->snapshots.size(), 1u);
    table.ExpectModel();
  }
}

TEST(Maintenance, LeavesARolledBackTableAlone) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 6).ok());
  const auto older = table.Load().metadata->snapshots[4].snapshot_id;
  const catalog::TableCommit rollback{
      .identifier = table.identifier,
      .updates = {update::SetSnapshotRef{.name = kMainBranch, .ref = {.snapshot_id = older}}}};
  ASSERT_EQ(Must(world.catalog->Commit({&rollback, 1}, {})).outcome, catalog::CommitOutcome::kCommitted);
  const auto report = table.Maintain(CompactOnly());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(FaultOf(report.status()), Fault::kConfig);
}

/// One step of a history; equality of table and model is checked by the caller.
void Step(KeyedTable& table, std::mt19937_64& random) {
  const auto number = [&](int64_t below) { return static_cast<int64_t>(random() % static_cast<uint64_t>(below)); };
  const std::string regions[] = {"a", "b", "c"};
  std::vector<Row> rows;
  const int64_t first = 1000 + static_cast<int64_t>(table.Load().metadata->last_sequence_number) * 100;
  switch (number(6)) {
    case 0:
    case 1:  // new keys
      for (int64_t i = 0; i < 1 + number(20); ++i) rows.push_back({first + i, regions[number(3)], number(1000)});
      ASSERT_TRUE(table.Append(rows).ok());
      return;
    case 2:
    case 3: {
      std::vector<int64_t> deletes;
      for (const auto& [id, row] : table.model) {
        if (number(8) == 0)
          deletes.push_back(id);
        else if (number(6) == 0)
          rows.push_back({id, regions[number(3)], number(1000)});
      }
      rows.push_back({first, "a", 1});
      ASSERT_TRUE(table.Merge(rows, deletes).ok());
      return;
    }
    case 4: {
      MaintenanceOptions options = number(2) == 0 ? MaintenanceOptions{} : AutomaticMaintenance();
      options.compaction.files_min = 2 + static_cast<int>(number(3));
      options.compaction.group_bytes_max = 1 + number(6000);
      options.compaction.target_file_bytes = number(2) == 0 ? 0 : 1500 + number(3000);
      options.manifests_min = 2 + static_cast<int>(number(5));
      options.retention = {.snapshots_min = 3, .snapshots_slack = 0, .hourly_for_ms = 0};
      const auto report = table.Maintain(options);
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      return;
    }
    default: {
      InterruptedCommitter interrupted(table.committer(), 1 + static_cast<int>(number(2)), [&] {
        if (number(2) == 0 || table.model.empty()) return table.Append({{first, "b", 5}});
        return table.Merge({}, {table.model.begin()->first});
      });
      MaintenanceOptions options = CompactOnly();
      options.compaction.files_min = 2;
      const auto report = table.Maintain(options, &interrupted);
      ASSERT_TRUE(report.ok()) << report.status().ToString();
    }
  }
}

TEST(Maintenance, RandomHistoriesEqualTheModel) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (uint64_t round = 0; round < 8; ++round) {
    std::mt19937_64 random(seed + round);
    Warehouse world;
    KeyedTable table(world, {.partitioned = round % 2 == 0, .sorted = round % 4 >= 2});
    ASSERT_TRUE(AppendMany(table, 3).ok());
    for (int step = 0; step < 25; ++step) {
      Step(table, random);
      table.ExpectModel();
      if (::testing::Test::HasFailure()) FAIL() << "round " << round << " step " << step;
    }
  }
}

}  // namespace
}  // namespace firn::table
