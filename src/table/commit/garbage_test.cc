#include "table/commit/garbage.h"

#include <gtest/gtest.h>

#include "table/commit/commit_test_support.h"

namespace firn::table {
namespace {

using namespace commit_testing;

// Made by the clock of the machine, so that ages of files count from now.
class GarbageTest : public ::testing::Test {
 protected:
  GarbageTest() : clock(Must(MakeSystemClock())), committer(world.MakeCommitter()) {}

  std::string location() const { return world.catalog->DefaultLocation(kOrders); }
  Result<Garbage> Collect(GarbageOptions options) {
    return CollectGarbage(*world.files, location(), [&] { return world.catalog->LoadTable(kOrders); }, *clock, options);
  }
  // As a killed process leaves it: the lock is gone, the record is not.
  void Die(const std::string& run) {
    static_cast<void>(Must(StagingRecord::Begin(*world.files, location(), run, *clock)));
  }

  Warehouse world;
  std::unique_ptr<Clock> clock;
  std::unique_ptr<Committer> committer;
};

TEST_F(GarbageTest, CollectsWhatADeadRunDidNotCommit) {
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  const StagedTable staged = Stage(opened, kOrders, "s", "dead-1", "1", {world.Write(kOrders, {1}, "dead-1")});
  Must(committer->Commit({&staged, 1}, {}).status());
  const DataFile orphan = world.Write(kOrders, {2}, "dead-1");
  const DataFile other = world.Write(kOrders, {3}, "other");
  Die("dead-1");
  const auto dry = Must(Collect({.dry_run = true}));
  EXPECT_EQ(dry.files, std::vector<std::string>{orphan.file_path});
  EXPECT_TRUE(Must(world.files->Exists(orphan.file_path)));
  EXPECT_EQ(Must(Collect({})).files, std::vector<std::string>{orphan.file_path});
  EXPECT_FALSE(Must(world.files->Exists(orphan.file_path)));
  EXPECT_TRUE(Must(world.files->Exists(other.file_path)));
  EXPECT_EQ(world.Read(kOrders), (Ids{1}));
  EXPECT_TRUE(Must(Collect({})).runs.empty());  // settled
}

TEST_F(GarbageTest, LeavesLivingRunsAlone) {
  auto record = Must(StagingRecord::Begin(*world.files, location(), "alive", *clock));
  const DataFile file = world.Write(kOrders, {1}, "alive");
  EXPECT_TRUE(Must(Collect({})).files.empty());
  EXPECT_TRUE(Must(world.files->Exists(file.file_path)));
  Must(record.End());
  EXPECT_TRUE(Must(Collect({})).runs.empty());
}

TEST_F(GarbageTest, YoungFilesWaitWithTheirRecord) {
  const DataFile file = world.Write(kOrders, {1}, "dead-2");
  Die("dead-2");
  EXPECT_TRUE(Must(Collect({.age_ms_min = 3'600'000})).files.empty());
  EXPECT_EQ(Must(Collect({})).files, std::vector<std::string>{file.file_path});
}

TEST_F(GarbageTest, StateBlobsInUseStay) {
  const auto opened = Must(committer->OpenStream(kOrders, "s"));
  const std::string state = "\"" + std::string(9000, 'x') + "\"";
  const StagedTable staged = Stage(opened, kOrders, "s", "dead-3", state, {world.Write(kOrders, {1}, "dead-3")});
  Must(committer->Commit({&staged, 1}, {}).status());
  const std::string unused = MetadataFolder(location()) + "/firn-state/9-dead-3-abc.json";
  Must(world.files->WriteAtomic(unused, "{}"));
  Die("dead-3");
  EXPECT_TRUE(Must(Collect({})).files.empty());  // younger than 72 h
  EXPECT_EQ(Must(Collect({.state_age_ms_min = 0})).files, std::vector<std::string>{unused});
  EXPECT_EQ(Must(committer->OpenStream(kOrders, "s")).state, state);
}

TEST_F(GarbageTest, NothingIsRemovedIfTheTableCannotBeRead) {
  const DataFile file = world.Write(kOrders, {1}, "dead-4");
  Die("dead-4");
  const auto failed = CollectGarbage(
      *world.files, location(),
      []() -> Result<std::optional<catalog::LoadedTable>> { return MakeError(Fault::kTransient, "no answer"); }, *clock,
      {});
  EXPECT_FALSE(failed.ok());
  EXPECT_TRUE(Must(world.files->Exists(file.file_path)));
}

}  // namespace
}  // namespace firn::table
