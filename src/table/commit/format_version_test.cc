#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "table/commit/commit_test_support.h"
#include "table/commit/writable.h"

/// Tables of format version 3: row ids over commits, upgrades, and what is refused.
namespace firn::table {
namespace {

using namespace commit_testing;

Result<CommittedTable> LoadAs(Warehouse& world, Committer& committer, int32_t format_version,
                              const std::vector<int64_t>& ids, const std::string& state,
                              WriteMode mode = WriteMode::kAppend) {
  const std::string run = MakeUuid4().ToString();
  ARROW_ASSIGN_OR_RAISE(const OpenedStream opened, committer.OpenStream(kOrders, "s"));
  StagedTable staged = Stage(opened, kOrders, "s", run, state, {world.Write(kOrders, ids, run)});
  staged.mode = mode;
  if (staged.create) {
    staged.create->format_version = format_version;
  } else {
    staged.format_version = format_version;
  }
  ARROW_ASSIGN_OR_RAISE(auto committed, committer.Commit({&staged, 1}, {}));
  return committed.front();
}

/// First row id and rows of each live data file, by id; fails on overlaps.
std::map<int64_t, int64_t> RowIds(Warehouse& world, const TableMetadata& metadata) {
  std::map<int64_t, int64_t> ids;
  ManifestListCache lists(*world.files, 1000);
  for (const ManifestFile& manifest : *Must(lists.Get(*metadata.CurrentSnapshot()))) {
    Must(ForEachEntry(*world.files, metadata, manifest, ManifestReadOptions::Statistics::kNone,
                      [&](const ManifestEntry& entry) {
                        if (!entry.live()) return Status::OK();
                        EXPECT_TRUE(entry.file.first_row_id.has_value()) << entry.file.file_path;
                        EXPECT_TRUE(ids.emplace(entry.file.first_row_id.value_or(-1), entry.file.record_count).second);
                        return Status::OK();
                      }));
  }
  int64_t next = 0;
  for (const auto& [first, rows] : ids) {
    EXPECT_GE(first, next) << "two rows have one id";
    next = first + rows;
  }
  EXPECT_LE(next, metadata.next_row_id.value_or(-1));
  return ids;
}

// pyiceberg#3621, iceberg-rust#1652: commits to version 3 whose first-row-id or next-row-id was wrong or missing.
TEST(FormatVersion3, AppendsGiveEachRowAnId) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  const auto first = Must(LoadAs(world, *committer, 3, {1, 2, 3}, "\"a\""));
  const auto second = Must(LoadAs(world, *committer, 3, {4, 5}, "\"b\""));
  const auto third = Must(LoadAs(world, *committer, 0, {6}, "\"c\""));  // says nothing: stays as it is
  const TableMetadata& metadata = *third.table.metadata;
  EXPECT_EQ(metadata.format_version, 3);
  EXPECT_EQ(metadata.next_row_id, 6);
  const Snapshot& snapshot = *metadata.FindSnapshot(second.snapshot_id);
  EXPECT_EQ(snapshot.first_row_id, 3);
  EXPECT_EQ(snapshot.added_rows, 2);
  EXPECT_EQ(metadata.FindSnapshot(first.snapshot_id)->first_row_id, 0);
  EXPECT_EQ(RowIds(world, metadata), (std::map<int64_t, int64_t>{{0, 3}, {3, 2}, {5, 1}}));
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2, 3, 4, 5, 6}));
}

TEST(FormatVersion3, MergedManifestsKeepTheIdsOfTheirFiles) {
  Warehouse world;
  CommitterOptions options = FastOptions();
  options.manifests_merge_min = 3;
  auto committer = world.MakeCommitter(options);
  for (int64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(LoadAs(world, *committer, 3, {2 * i, 2 * i + 1}, std::to_string(i)).ok());
  }
  const auto table = Must(world.catalog->LoadTable(kOrders));
  std::map<int64_t, int64_t> by_id = RowIds(world, *table->metadata);
  ASSERT_EQ(by_id.size(), 10U);
  // A merged manifest takes ids for nothing, as in the reference implementation, but no file of it gets others.
  EXPECT_EQ(by_id.begin()->first, 0);
  const auto reopened = world.MakeCommitter(options);  // nothing remembered
  ASSERT_TRUE(LoadAs(world, *reopened, 3, {100}, "\"x\"").ok());
  const auto after = Must(world.catalog->LoadTable(kOrders));
  auto ids_after = RowIds(world, *after->metadata);
  ids_after.erase(std::prev(ids_after.end()));
  EXPECT_EQ(ids_after, by_id);
}

TEST(FormatVersion3, ReplacingAllTakesNewIds) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(LoadAs(world, *committer, 3, {1, 2, 3}, "\"a\"").ok());
  const auto table = Must(LoadAs(world, *committer, 3, {7, 8}, "\"b\"", WriteMode::kOverwriteAll)).table;
  const auto ids = RowIds(world, *table.metadata);
  ASSERT_EQ(ids.size(), 1U);
  EXPECT_GE(ids.begin()->first, 3);
}

TEST(FormatVersion3, AnUpgradeGivesOldRowsIds) {
  Warehouse world;
  auto committer = world.MakeCommitter();  // remembers the manifests of version 2
  ASSERT_TRUE(LoadAs(world, *committer, 2, {1, 2, 3}, "\"a\"").ok());
  ASSERT_TRUE(LoadAs(world, *committer, 0, {4}, "\"b\"").ok());
  const auto upgraded = Must(LoadAs(world, *committer, 3, {5, 6}, "\"c\""));
  EXPECT_EQ(upgraded.table.metadata->format_version, 3);
  EXPECT_EQ(upgraded.table.metadata->next_row_id, 6);
  EXPECT_EQ(upgraded.table.metadata->CurrentSnapshot()->first_row_id, 0);
  EXPECT_EQ(upgraded.table.metadata->CurrentSnapshot()->added_rows, 6);
  const auto ids = RowIds(world, *upgraded.table.metadata);
  EXPECT_EQ(ids.size(), 3U);
  const auto next = Must(LoadAs(world, *committer, 3, {7}, "\"d\""));
  auto ids_after = RowIds(world, *next.table.metadata);
  EXPECT_EQ(ids_after.erase(6), 1U);
  EXPECT_EQ(ids_after, ids);
  // Snapshots of the time before are still read.
  const Snapshot& old = *next.table.metadata->snapshots.begin();
  EXPECT_EQ(old.first_row_id, std::nullopt);
  EXPECT_EQ(world.LiveFiles(*next.table.metadata, old).size(), 1U);
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2, 3, 4, 5, 6, 7}));
}

TEST(FormatVersion3, NeverGoesBack) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(LoadAs(world, *committer, 3, {1}, "\"a\"").ok());
  const Status refused = LoadAs(world, *committer, 2, {2}, "\"b\"").status();
  EXPECT_EQ(FaultOf(refused), Fault::kConfig);
  EXPECT_NE(refused.ToString().find("version 3"), std::string::npos) << refused.ToString();
  EXPECT_EQ(world.Read(kOrders), Ids{1});
}

TEST(FormatVersion3, RowIdsAreTakenAnewWhenAnotherWriterWasFaster) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(LoadAs(world, *committer, 3, {1, 2}, "\"a\"").ok());
  const auto opened = Must(committer->OpenStream(kOrders, "other"));
  const StagedTable late = Stage(opened, kOrders, "other", "late", "\"l\"", {world.Write(kOrders, {10, 11}, "late")});
  ASSERT_TRUE(LoadAs(world, *committer, 3, {3}, "\"b\"").ok());
  auto fresh = world.MakeCommitter();
  const auto committed = Must(fresh->Commit({&late, 1}, {}));
  const TableMetadata& metadata = *committed.front().table.metadata;
  EXPECT_EQ(metadata.CurrentSnapshot()->first_row_id, 3);
  EXPECT_EQ(RowIds(world, metadata), (std::map<int64_t, int64_t>{{0, 2}, {2, 1}, {3, 2}}));
}

// A delete planned for version 2 is a position delete file, which version 3 does not take.
TEST(FormatVersion3, DeletesPlannedBeforeAnUpgradeAreNotCommitted) {
  Warehouse world;
  auto committer = world.MakeCommitter();
  ASSERT_TRUE(LoadAs(world, *committer, 2, {1, 2}, "\"a\"").ok());
  const auto opened = Must(committer->OpenStream(kOrders, "other"));
  StagedTable late = Stage(opened, kOrders, "other", "late", "\"l\"", {world.Write(kOrders, {10}, "late")});
  late.mode = WriteMode::kRowDelta;
  late.added.push_back(late.added.front());
  late.added.back().content = FileContent::kPositionDeletes;
  late.added.back().file_path = world.Write(kOrders, {10}, "late").file_path;
  late.added.back().referenced_data_file = late.added.front().file_path;
  late.replan = [&](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> {
    return RowDelta{.added = late.added};
  };
  ASSERT_TRUE(LoadAs(world, *committer, 3, {3}, "\"b\"").ok());
  EXPECT_EQ(FaultOf(committer->Commit({&late, 1}, {}).status()), Fault::kConflict);
  EXPECT_EQ(world.Read(kOrders), (Ids{1, 2, 3}));
}

TEST(Writable, RefusesWhatItWouldWriteWrongly) {
  TableMetadata metadata{.schemas = {std::make_shared<const schema::Schema>(IdSchema())}};
  EXPECT_TRUE(CheckWritable(metadata).ok());
  EXPECT_TRUE(CheckWritable(metadata, 3).ok());
  metadata.format_version = 3;
  EXPECT_TRUE(CheckWritable(metadata).ok());
  EXPECT_EQ(FaultOf(CheckWritable(metadata, 2)), Fault::kConfig);
  TableMetadata other = metadata;
  other.other["encryption-keys"] = "[]";
  EXPECT_EQ(FaultOf(CheckWritable(other)), Fault::kConfig);
  other = metadata;
  other.format_version = 1;
  EXPECT_EQ(FaultOf(CheckWritable(other)), Fault::kConfig);
  schema::Schema schema = IdSchema();
  schema.fields[0].write_default = "5";
  metadata.schemas = {std::make_shared<const schema::Schema>(schema)};
  EXPECT_TRUE(CheckWritable(metadata).ok());
  const schema::Field nested{.id = 50, .name = "s", .type = schema::Struct({schema.fields[0]})};
  metadata.schemas = {std::make_shared<const schema::Schema>(schema::Schema{.fields = {nested}})};
  EXPECT_EQ(FaultOf(CheckWritable(metadata)), Fault::kConfig);
  const schema::Field variant{.id = 1, .name = "v", .type = schema::Variant()};
  metadata.schemas = {std::make_shared<const schema::Schema>(schema::Schema{.fields = {variant}})};
  EXPECT_EQ(FaultOf(CheckWritable(metadata)), Fault::kConfig);
}

}  // namespace
}  // namespace firn::table
