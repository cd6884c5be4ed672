#include "table/commit/garbage.h"

#include <gtest/gtest.h>

#include "io/faulty_file_store.h"
#include "io/temporary_folder.h"
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

// One machine's view of an object store: its locks are its own.
class Machine : public io::FaultyFileStore {
 public:
  explicit Machine(io::FileStore& files) : FaultyFileStore(files, {}) {}
  Result<io::LockPlace> LockOf(const std::string& location) override {
    return io::LockPlace{.path = locks_.path() + location.substr(location.rfind('/')), .scope = locks_.path()};
  }

 private:
  io::TemporaryFolder locks_;
};

TEST_F(GarbageTest, RunsOfOtherMachinesAreLeftAloneUntilTheyAreOld) {
  Machine here(*world.files), there(*world.files);
  const auto load = [&] { return world.catalog->LoadTable(kOrders); };
  auto record = Must(StagingRecord::Begin(there, location(), "far-1", *clock));
  const DataFile file = world.Write(kOrders, {1}, "far-1");
  EXPECT_TRUE(Must(CollectGarbage(here, location(), load, *clock, {})).files.empty());
  EXPECT_TRUE(Must(CollectGarbage(there, location(), load, *clock, {})).files.empty());  // its lock is held
  {
    const auto gone = std::move(record);
  }
  EXPECT_TRUE(Must(CollectGarbage(here, location(), load, *clock, {})).files.empty());
  EXPECT_TRUE(Must(world.files->Exists(file.file_path)));
  const auto late = Must(CollectGarbage(here, location(), load, *clock, {.foreign_run_age_ms_min = 0}));
  EXPECT_EQ(late.files, std::vector<std::string>{file.file_path});
  const DataFile again = world.Write(kOrders, {2}, "far-2");
  {
    const auto gone = Must(StagingRecord::Begin(there, location(), "far-2", *clock));
  }
  EXPECT_EQ(Must(CollectGarbage(there, location(), load, *clock, {})).files, std::vector<std::string>{again.file_path});
}

TEST_F(GarbageTest, YoungFilesWaitWithTheirRecord) {
  const DataFile file = world.Write(kOrders, {1}, "dead-2");
  Die("dead-2");
  EXPECT_TRUE(Must(Collect({.age_ms_min = 3'600'000})).files.empty());
  EXPECT_EQ(Must(Collect({})).files, std::vector<std::string>{file.file_path});
}

// apache/iceberg#2317: what a commit under way may still name is not litter, however dead its run is.
TEST_F(GarbageTest, WhereCommitsMayLandLateFilesOfDeadRunsStayForDays) {
  const auto options = GarbageOptions::For({.may_commit_late = true});
  EXPECT_GE(options.age_ms_min, int64_t{72} * 3'600'000);
  EXPECT_EQ(GarbageOptions::For({}).age_ms_min, 0);
  const DataFile file = world.Write(kOrders, {1}, "dead-5");
  Die("dead-5");
  EXPECT_TRUE(Must(Collect(options)).files.empty());
  EXPECT_TRUE(Must(world.files->Exists(file.file_path)));
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

TEST_F(GarbageTest, ADamagedStagingRecordIsLeftAlone) {
  const std::string record = MetadataFolder(location()) + "/firn-staging/dead-6.json";
  for (const std::string text : {R"({"version":"1","run":"dead-6"})", R"({"version":[],"run":"dead-6"})", "7", "{"}) {
    Must(world.files->WriteAtomic(record, text));
    EXPECT_TRUE(Must(Collect({})).files.empty()) << text;
    EXPECT_TRUE(Must(world.files->Exists(record))) << text;
  }
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
