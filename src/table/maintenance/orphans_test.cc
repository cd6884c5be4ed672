#include "table/maintenance/orphans.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "table/commit/garbage.h"
#include "table/maintenance/maintenance_test_support.h"

namespace firn::table {
namespace {

using namespace maintenance_testing;
using commit_testing::Warehouse;

// Files are as old as the file system says; the clock of the test decides what that means.
void GoTo(Warehouse& world, std::chrono::hours later) {
  const auto real = Must(MakeSystemClock());
  world.clock.Advance(std::chrono::microseconds(real->Now().micros - world.clock.Now().micros) + later);
}

std::set<std::string> Names(const Orphans& orphans) {
  std::set<std::string> names;
  for (const auto& file : orphans.files) names.insert(file.location.substr(file.location.rfind('/') + 1));
  return names;
}

Result<Orphans> Find(Warehouse& world, const KeyedTable& table) {
  return FindOrphans(*world.catalog, *world.files, table.identifier, world.clock, kOrphanAgeMsMin);
}

TEST(Orphans, AreOldUnreferencedFilesOfTheTableAlone) {
  Warehouse world;
  KeyedTable table(world);
  for (int64_t i = 0; i < 6; ++i) ASSERT_TRUE(table.Append({{i, "a", i}}).ok());
  ASSERT_TRUE(table.Maintain({}).ok());  // older snapshots still need the small files
  const std::string location = table.Load().metadata->location;
  Must(world.files->WriteAtomic(location + "/data/lost.parquet", "x"));
  Must(world.files->WriteAtomic(location + "/metadata/lost-m0.avro", "x"));
  Must(world.files->WriteAtomic(location + "/elsewhere/kept", "x"));
  Must(world.files->WriteAtomic(location + "/metadata/version-hint.text", "1"));
  Must(world.files->WriteAtomic(location + "-sibling/data/kept.parquet", "x"));
  GoTo(world, std::chrono::hours(71));
  auto orphans = Must(Find(world, table));
  EXPECT_TRUE(orphans.files.empty());
  EXPECT_EQ(orphans.too_young, 2);
  GoTo(world, std::chrono::hours(73));
  orphans = Must(Find(world, table));
  EXPECT_EQ(Names(orphans), (std::set<std::string>{"lost.parquet", "lost-m0.avro"}));
  EXPECT_EQ(Must(RemoveOrphans(*world.files, orphans)), 2);
  EXPECT_TRUE(Must(Find(world, table)).files.empty());
  table.ExpectModel();
  for (const Snapshot& snapshot : table.Load().metadata->snapshots) {
    for (const std::string& file : world.LiveFiles(*table.Load().metadata, snapshot)) {
      EXPECT_TRUE(Must(world.files->Exists(file))) << file;
    }
  }
}

TEST(Orphans, FilesOfAnyMetadataFileThatIsStillThereStay) {
  Warehouse world;
  KeyedTable table(world);
  for (int64_t i = 0; i < 6; ++i) ASSERT_TRUE(table.Append({{i, "a", i}}).ok());
  // A metadata file that no log names, of a table state that is no more in the current one.
  const auto before = table.Load();
  const std::string copy = before.metadata->location + "/metadata/copied.metadata.json";
  Must(world.files->WriteAtomic(copy, Must(world.files->ReadText(before.metadata_location))));
  MaintenanceOptions options;
  options.retention = {.enabled = false};
  ASSERT_TRUE(table.Maintain(options).ok());
  const catalog::TableCommit forget{
      .identifier = table.identifier,
      .updates = {update::RemoveSnapshots{.snapshot_ids = {before.metadata->snapshots[0].snapshot_id}}}};
  ASSERT_EQ(Must(world.catalog->Commit({&forget, 1}, {})).outcome, catalog::CommitOutcome::kCommitted);
  GoTo(world, std::chrono::hours(100));
  EXPECT_EQ(Names(Must(Find(world, table))), std::set<std::string>{"copied.metadata.json"});
  Must(world.files->Remove(copy));
  // 100 older metadata files name the snapshot as well; they stay, so it does.
  EXPECT_TRUE(Must(Find(world, table)).files.empty());
}

TEST(Orphans, RunsAtWorkKeepTheirFiles) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(table.Append({{1, "a", 1}}).ok());
  const std::string location = table.Load().metadata->location;
  auto record = Must(StagingRecord::Begin(*world.files, location, "longrun", world.clock));
  Must(world.files->WriteAtomic(location + "/data/longrun-0-1.parquet", "x"));
  GoTo(world, std::chrono::hours(1000));
  EXPECT_TRUE(Must(Find(world, table)).files.empty());
  Must(record.End());
  EXPECT_EQ(Names(Must(Find(world, table))), std::set<std::string>{"longrun-0-1.parquet"});
}

TEST(Orphans, TablesInsideEachOtherAreToldApartOrRefused) {
  Warehouse world;
  KeyedTable outer(world);
  ASSERT_TRUE(outer.Append({{1, "a", 1}}).ok());
  const std::string location = outer.Load().metadata->location;
  auto committer = world.MakeCommitter();
  const catalog::TableIdentifier inner{.ns = {"shop"}, .name = "inner"};
  StagedTable staged{.identifier = inner,
                     .create = CreateTable{.schema = commit_testing::IdSchema(), .location = location + "/data/inner"},
                     .stream_id = "s",
                     .epoch = 1,
                     .state = "1",
                     .run = "r"};
  ASSERT_TRUE(committer->Commit({&staged, 1}, {}).ok());
  Must(world.files->WriteAtomic(location + "/data/inner/data/lost.parquet", "x"));
  GoTo(world, std::chrono::hours(100));
  EXPECT_TRUE(Must(Find(world, outer)).files.empty());
  const auto refused = FindOrphans(*world.catalog, *world.files, inner, world.clock, kOrphanAgeMsMin);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(FaultOf(refused.status()), Fault::kConfig);
}

TEST(Orphans, ATableThatWasDroppedHereKeepsItsFiles) {
  Warehouse world;
  std::set<std::string> files;
  {
    KeyedTable dropped(world);
    ASSERT_TRUE(dropped.Append({{1, "a", 1}}).ok());
    for (const auto& info : Must(world.files->List(dropped.Load().metadata->location))) files.insert(info.location);
    ASSERT_TRUE(world.catalog->DropTable(dropped.identifier).ok());
  }
  KeyedTable table(world);
  ASSERT_TRUE(table.Append({{2, "a", 1}}).ok());
  GoTo(world, std::chrono::hours(100));
  EXPECT_TRUE(Must(Find(world, table)).files.empty());
  EXPECT_GE(files.size(), 4u);
}

TEST(Orphans, AnUnreadableManifestRemovesNothing) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(table.Append({{1, "a", 1}}).ok());
  const auto list = table.Load().metadata->CurrentSnapshot()->manifest_list;
  Must(world.files->WriteAtomic(list, "damaged"));
  GoTo(world, std::chrono::hours(100));
  EXPECT_FALSE(Find(world, table).ok());
}

}  // namespace
}  // namespace firn::table
