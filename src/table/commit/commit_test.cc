#include <gtest/gtest.h>

#include "base/log.h"
#include "table/commit/commit_test_support.h"
#include "table/commit/faulty_catalog_test_support.h"
#include "table/commit/schema_update.h"

namespace firn::table {
namespace {

using namespace commit_testing;

bool Exists(Warehouse& world, const std::string& location) {
  return Must(world.files->Exists(location));
}

TEST(Commit, CreatesATableWithItsFirstRowsAndToken) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto first = Load(world, *committer, kOrders, "s", {1, 2}, R"({"at":2})");
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2}));
  EXPECT_EQ(first->added_rows, 2);
  const TableMetadata& metadata = *first->table.metadata;
  EXPECT_EQ(metadata.snapshots.size(), 1u);
  EXPECT_EQ(metadata.CurrentSnapshot()->summary.at("operation"), "append");
  EXPECT_EQ(metadata.CurrentSnapshot()->summary.at("total-records"), "2");
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  EXPECT_EQ(opened.state, R"({"at":2})");
  EXPECT_EQ(opened.version.sequence, 1);
  EXPECT_EQ(opened.epoch, 2);
}

TEST(Commit, GoesOnWhereTheStreamStands) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  for (int64_t i = 0; i < 5; ++i) {
    const auto done = Load(world, *committer, kOrders, "s", {i}, std::to_string(i));
    ASSERT_TRUE(done.ok()) << done.status().ToString();
    EXPECT_EQ(done->sequence_number, i + 1);
  }
  EXPECT_EQ(world.Read(kOrders), (Ids{0, 1, 2, 3, 4}));
}

// apache/iceberg#17340, #17811, #13752, #13763: the files of one commit were in the table twice.
TEST(Commit, TwiceTheSameCommitIsOne) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  const StagedTable staged = Stage(opened, kOrders, "s", "run-1", "1", {world.Write(kOrders, {1}, "run-1")});
  const auto first = Must(committer->Commit({&staged, 1}, {}));
  const auto again = Must(world.MakeCommitter()->Commit({&staged, 1}, {}));
  EXPECT_EQ(first[0].snapshot_id, again[0].snapshot_id);
  EXPECT_EQ(again[0].added_rows, 1);
  EXPECT_EQ(world.Read(kOrders), (Ids{1}));
  ASSERT_TRUE(Load(world, *committer, kOrders, "t", {2}, "1").ok());  // still so when others committed since
  EXPECT_TRUE(committer->Commit({&staged, 1}, {}).ok());
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2}));
}

TEST(Commit, OverlapDropsOwnFiles) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1}, "1").ok());
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {2}, "2").ok());
  const DataFile file = world.Write(kOrders, {2}, "late");
  const StagedTable staged = Stage(opened, kOrders, "s", "late", "2", {file});
  const auto refused = committer->Commit({&staged, 1}, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(FaultOf(refused.status()), Fault::kConflict);
  EXPECT_NE(refused.status().message().find("run again"), std::string::npos);
  EXPECT_FALSE(Exists(world, file.file_path));
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2}));
}

// apache/iceberg#17551, #17637, #16282: a coordinator that had been replaced committed all the same.
TEST(Commit, ZombieOfAnOlderEpochIsFenced) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1}, "1").ok());
  auto zombie = Must(committer->OpenStream(kOrders, "s"));
  // A newer owner came to the same state as the zombie will: contiguity alone would let the zombie go on.
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {2}, "2").ok());
  auto newer = Must(committer->OpenStream(kOrders, "s"));
  zombie.version = newer.version;
  zombie.table = newer.table;
  zombie.epoch -= 1;
  const StagedTable staged = Stage(zombie, kOrders, "s", "zombie", "3", {world.Write(kOrders, {3}, "zombie")});
  const auto refused = committer->Commit({&staged, 1}, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("fenced"), std::string::npos);
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2}));
}

TEST(Commit, AnotherStreamsCommitInBetweenIsRebasedOn) {
  Warehouse world;
  auto other = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *other, kOrders, "other", {1}, "1").ok());
  FaultyCatalog between(*world.catalog, FaultyCatalog::Mode::kNone, 0);
  auto committer = Committer::Make(between, *world.files, world.clock, FastOptions());
  int left = 3;
  between.before_commit = [&] {
    if (left-- > 0) {
      EXPECT_TRUE(Load(world, *other, kOrders, "other", {10 + left}, std::to_string(left)).ok());
    }
  };
  const auto done = Load(world, *committer, kOrders, "s", {2}, "2");
  ASSERT_TRUE(done.ok()) << done.status().ToString();
  EXPECT_EQ(between.num_commits(), 4);
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2, 10, 11, 12}));
  const auto opened = Must(committer->OpenStream(kOrders, "other"));  // carried forward
  EXPECT_EQ(opened.state, "0");
  EXPECT_EQ(opened.version.sequence, 4);
}

TEST(Commit, SchemaChangedMeanwhileIsRefused) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1}, "1").ok());
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  const auto other = Must(committer->OpenStream(kOrders, "t"));
  schema::Schema wanted = IdSchema();
  wanted.fields.push_back({.name = "name", .type = schema::String()});
  const auto evolved = Must(EvolveSchema(*other.table->metadata, wanted));
  StagedTable change = Stage(other, kOrders, "t", "run-t", "1", {world.Write(kOrders, {2}, "run-t", evolved.schema)});
  change.new_schema = evolved.schema;
  const auto changed = Must(committer->Commit({&change, 1}, {}));
  EXPECT_EQ(changed[0].table.metadata->schema().fields.size(), 2u);
  EXPECT_EQ(changed[0].table.metadata->CurrentSnapshot()->schema_id, changed[0].table.metadata->current_schema_id);
  const StagedTable late = Stage(opened, kOrders, "s", "late", "2", {world.Write(kOrders, {3}, "late")});
  EXPECT_EQ(FaultOf(committer->Commit({&late, 1}, {}).status()), Fault::kConflict);
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2}));
}

TEST(Commit, GroupIsAllOrNothing) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto stage = [&](const std::string& run, const std::vector<int64_t>& ids, const std::string& state) {
    std::vector<StagedTable> group;
    for (const auto& table : {kOrders, kItems}) {
      const auto opened = Must(committer->OpenStream(table, "s"));
      group.push_back(Stage(opened, table, "s", run, state, {world.Write(table, ids, run)}));
    }
    return group;
  };
  ASSERT_TRUE(committer->Commit(stage("a", {1}, "1"), {}).ok());
  const auto late = stage("b", {2}, "2");
  ASSERT_TRUE(Load(world, *committer, kItems, "s", {9}, "9").ok());  // one member is overtaken
  EXPECT_EQ(FaultOf(committer->Commit(late, {}).status()), Fault::kConflict);
  EXPECT_EQ(world.Read(kOrders), (Ids{1}));
  EXPECT_EQ(world.Read(kItems), (Ids{1, 9}));
}

// A millisecond goes by between any two looks at it.
class TickingClock : public FakeClock {
 public:
  Timestamp Now() const override { return {.micros = FakeClock::Now().micros + 1000 * ticks_++}; }

 private:
  mutable std::atomic<int64_t> ticks_ = 0;
};

TEST(Commit, SnapshotsOfAGroupHaveOneTime) {
  Warehouse world;
  TickingClock clock;
  auto committer = Committer::Make(*world.catalog, *world.files, clock, FastOptions());
  const auto times = [&](const std::string& run) {
    std::vector<StagedTable> group;
    for (const auto& table : {kOrders, kItems}) {
      const auto opened = Must(committer->OpenStream(table, "s"));
      group.push_back(Stage(opened, table, "s", run, run, {world.Write(table, {1}, run)}));
    }
    std::set<int64_t> found;
    for (const CommittedTable& table : Must(committer->Commit(group, {}))) {
      found.insert(table.table.metadata->FindSnapshot(table.snapshot_id)->timestamp_ms);
    }
    return found;
  };
  EXPECT_EQ(times("a").size(), 1U);
  EXPECT_EQ(times("b").size(), 1U);
  // One of the tables was changed by a machine whose clock is ahead.
  world.clock.Advance(std::chrono::hours(1));
  ASSERT_TRUE(Load(world, *world.MakeCommitter(), kItems, "other", {9}, "9").ok());
  EXPECT_EQ(times("c"), (std::set<int64_t>{world.clock.Now().micros / 1000}));
}

TEST(Commit, GroupWithAMixedVerdictNeedsADecision) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  std::vector<StagedTable> group;
  for (const auto& table : {kOrders, kItems}) {
    group.push_back(
        Stage(Must(committer->OpenStream(table, "s")), table, "s", "a", "1", {world.Write(table, {1}, "a")}));
  }
  ASSERT_TRUE(committer->Commit(group, {}).ok());
  ASSERT_TRUE(world.catalog->DropTable(kItems).ok());
  const auto mixed = committer->Commit(group, {});
  ASSERT_FALSE(mixed.ok());
  EXPECT_EQ(FaultOf(mixed.status()), Fault::kConfig);
}

TEST(Commit, OverwriteReplacesAllRows) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1, 2}, "1").ok());
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {3}, "2").ok());
  const auto done = Must(Load(world, *committer, kOrders, "s", {7}, "3", WriteMode::kOverwriteAll));
  EXPECT_EQ(world.Read(kOrders), (Ids{7}));
  const auto& summary = done.table.metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "overwrite");
  EXPECT_EQ(summary.at("deleted-records"), "3");
  EXPECT_EQ(summary.at("total-records"), "1");
  EXPECT_EQ(summary.at("total-data-files"), "1");
}

// Removes the file that holds `id` and adds one with the rest and `add`.
RowDelta Replace(Warehouse& world, const TableMetadata& metadata, const std::string& gone_run, int64_t add,
                 const std::string& run) {
  RowDelta delta{.added = {world.Write(kOrders, {add}, run)}};
  for (const std::string& path : world.LiveFiles(metadata, *metadata.CurrentSnapshot())) {
    if (path.find(gone_run) != std::string::npos) delta.removed.push_back(path);
  }
  return delta;
}

TEST(Commit, RowDeltaIsPlannedAgainOnAnotherParent) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto first = Must(committer->OpenStream(kOrders, "s"));
  const std::vector<DataFile> files = {world.Write(kOrders, {1}, "old"), world.Write(kOrders, {2}, "keep")};
  const StagedTable begin = Stage(first, kOrders, "s", "run", "1", files);
  ASSERT_TRUE(committer->Commit({&begin, 1}, {}).ok());

  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  const RowDelta delta = Replace(world, *opened.table->metadata, "old", 100, "plan-1");
  StagedTable staged = Stage(opened, kOrders, "s", "run2", "2", delta.added);
  staged.mode = WriteMode::kRowDelta;
  staged.removed = delta.removed;
  int num_replans = 0;
  staged.replan = [&](const catalog::LoadedTable& parent, std::stop_token) -> Result<RowDelta> {
    ++num_replans;
    return Replace(world, *parent.metadata, "old", 200, "plan-2");
  };
  ASSERT_TRUE(Load(world, *committer, kOrders, "other", {3}, "1").ok());
  const auto done = committer->Commit({&staged, 1}, {});
  ASSERT_TRUE(done.ok()) << done.status().ToString();
  EXPECT_EQ(num_replans, 1);
  EXPECT_EQ(world.Read(kOrders), (Ids{2, 3, 200}));
  EXPECT_FALSE(Exists(world, delta.added[0].file_path));  // the first plan's file is nobody's
  EXPECT_TRUE(Exists(world, delta.removed[0]));           // older snapshots still have it
}

TEST(Commit, RowDeltaOfAFileThatIsGoneIsRefused) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1}, "1").ok());
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  StagedTable staged = Stage(opened, kOrders, "s", "run2", "2", {world.Write(kOrders, {2}, "run2")});
  staged.mode = WriteMode::kRowDelta;
  staged.removed = {"file:///nowhere.parquet"};
  staged.replan = [](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> { return RowDelta{}; };
  EXPECT_EQ(FaultOf(committer->Commit({&staged, 1}, {}).status()), Fault::kConflict);
  EXPECT_EQ(world.Read(kOrders), (Ids{1}));
}

TEST(Commit, LargeStateGoesToABlobThatSurvives) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const std::string state = "\"" + std::string(10'000, 'x') + "\"";
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1}, state).ok());
  EXPECT_EQ(Must(committer->OpenStream(kOrders, "s")).state, state);
  const auto token = Must(FindToken(*Must(world.catalog->LoadTable(kOrders))->metadata, "s"));
  EXPECT_NE(token->state_file.find("/metadata/firn-state/1-"), std::string::npos);
  ASSERT_TRUE(world.files->Remove(token->state_file).ok());
  const auto lost = committer->OpenStream(kOrders, "s");
  EXPECT_EQ(FaultOf(lost.status()), Fault::kConfig);
  EXPECT_NE(lost.status().message().find("lost"), std::string::npos);
}

TEST(Commit, StateChangeWithoutRowsIsASnapshotOfItsOwn) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1}, "1").ok());
  const StagedTable staged = Stage(Must(committer->OpenStream(kOrders, "s")), kOrders, "s", "r", "2", {});
  const auto done = Must(committer->Commit({&staged, 1}, {}));
  EXPECT_EQ(done[0].table.metadata->snapshots.size(), 2u);
  EXPECT_EQ(done[0].table.metadata->CurrentSnapshot()->summary.at("operation"), "append");
  EXPECT_EQ(world.Read(kOrders), (Ids{1}));
}

TEST(Commit, ForcedStateEndsTheNeedForADecision) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto first = Must(Load(world, *committer, kOrders, "s", {1}, "1"));
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {2}, "2").ok());
  const catalog::TableCommit rollback{
      .identifier = kOrders,
      .updates = {update::SetSnapshotRef{.name = "main", .ref = {.snapshot_id = first.snapshot_id}}}};
  ASSERT_EQ(Must(world.catalog->Commit({&rollback, 1}, {})).outcome, catalog::CommitOutcome::kCommitted);
  const auto undecided = committer->OpenStream(kOrders, "s");
  ASSERT_EQ(FaultOf(undecided.status()), Fault::kConfig);
  ASSERT_TRUE(committer->ForceState(kOrders, "s", "1", "hand", {}).ok());
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  EXPECT_EQ(opened.state, "1");
  EXPECT_EQ(opened.version.sequence, 3);
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {3}, "3").ok());
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 3}));
}

TEST(Commit, RefusesBrokenInput) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  const DataFile file = world.Write(kOrders, {1}, "r");
  StagedTable twice = Stage(opened, kOrders, "s", "r", "1", {file, file});
  EXPECT_EQ(FaultOf(committer->Commit({&twice, 1}, {}).status()), Fault::kBug);
  StagedTable cut = Stage(opened, kOrders, "s", "r", "1", {file});
  cut.added[0].file_size_bytes += 1;
  EXPECT_EQ(FaultOf(committer->Commit({&cut, 1}, {}).status()), Fault::kBug);
  StagedTable missing = Stage(opened, kOrders, "s", "r", "1", {file});
  missing.added[0].file_path += "x";
  EXPECT_FALSE(committer->Commit({&missing, 1}, {}).ok());
  EXPECT_FALSE(Must(world.catalog->LoadTable(kOrders)).has_value());
  std::stop_source stop;
  stop.request_stop();
  const StagedTable good = Stage(opened, kOrders, "s", "r", "1", {file});
  EXPECT_EQ(FaultOf(committer->Commit({&good, 1}, stop.get_token()).status()), Fault::kCancelled);
  EXPECT_TRUE(Exists(world, file.file_path));  // the caller's to use again
  EXPECT_TRUE(committer->Commit({&good, 1}, {}).ok());
}

TEST(Commit, TwoCreatorsOfTheSameTableBothGetIn) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto a = Must(committer->OpenStream(kOrders, "a"));
  const auto b = Must(committer->OpenStream(kOrders, "b"));
  const StagedTable first = Stage(a, kOrders, "a", "ra", "1", {world.Write(kOrders, {1}, "ra")});
  const StagedTable second = Stage(b, kOrders, "b", "rb", "1", {world.Write(kOrders, {2}, "rb")});
  ASSERT_TRUE(committer->Commit({&first, 1}, {}).ok());
  const auto joined = committer->Commit({&second, 1}, {});
  ASSERT_TRUE(joined.ok()) << joined.status().ToString();
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2}));
}

TEST(Commit, DroppedOrReplacedTableIsNotWrittenTo) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {1}, "1").ok());
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  const StagedTable staged = Stage(opened, kOrders, "s", "r", "2", {world.Write(kOrders, {2}, "r")});
  ASSERT_TRUE(world.catalog->DropTable(kOrders).ok());
  EXPECT_EQ(FaultOf(committer->Commit({&staged, 1}, {}).status()), Fault::kConflict);
  ASSERT_TRUE(Load(world, *committer, kOrders, "s", {5}, "1").ok());
  const StagedTable again = Stage(opened, kOrders, "s", "r", "2", {world.Write(kOrders, {2}, "r")});
  EXPECT_EQ(FaultOf(committer->Commit({&again, 1}, {}).status()), Fault::kConflict);
  EXPECT_EQ(world.Read(kOrders), (Ids{5}));
}

}  // namespace
}  // namespace firn::table
