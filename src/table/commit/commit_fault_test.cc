#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "table/commit/commit_test_support.h"
#include "table/commit/faulty_catalog_test_support.h"

/// Every step fails once, and from then on; the world is never between two states, and the next run needs no hand.
namespace firn::table {
namespace {

using namespace commit_testing;
using ::testing::AnyOf;
using When = io::FaultyFileStoreOptions::When;

constexpr int kStepsMax = 2000;

// The source has rows 0..; a run reads from the stream's position on, to `end`.
struct Run {
  int64_t end = 0;
  WriteMode mode = WriteMode::kAppend;
};

std::vector<int64_t> RowsOf(int64_t from, int64_t end) {
  std::vector<int64_t> rows;
  for (int64_t i = from; i < end; ++i) rows.push_back(i);
  return rows;
}

// Two tables in one group: what a pipeline does. Data files are written past the faults: they are other tests' matter.
Status RunOnce(Warehouse& world, catalog::Catalog& catalog, io::FileStore& files, const Run& run,
               CommitterOptions options = FastOptions()) {
  const std::string run_id = MakeUuid4().ToString();
  auto committer = Committer::Make(catalog, files, world.clock, std::move(options));
  std::vector<StagedTable> group;
  for (const auto& table : {kOrders, kItems}) {
    ARROW_ASSIGN_OR_RAISE(const OpenedStream opened, committer->OpenStream(table, "s"));
    const int64_t position = opened.state.empty() ? 0 : std::stoll(opened.state.substr(1));
    const int64_t begin = run.mode == WriteMode::kOverwriteAll ? 0 : position;
    if (position >= run.end && run.mode == WriteMode::kAppend) return Status::OK();
    // Padded so that the state goes to a blob.
    std::string state = "\"" + std::to_string(run.end) + std::string(5000, ' ') + "\"";
    group.push_back(Stage(opened, table, "s", run_id, state, {world.Write(table, RowsOf(begin, run.end), run_id)}));
    group.back().mode = run.mode;
  }
  return committer->Commit(group, {}).status();
}

Ids Expected(int64_t end) {
  const auto rows = RowsOf(0, end);
  return {rows.begin(), rows.end()};
}

void CheckBoth(Warehouse& world, int64_t before, int64_t after) {
  const Ids orders = world.Read(kOrders);
  EXPECT_THAT(orders, AnyOf(Expected(before), Expected(after)));
  EXPECT_EQ(world.Read(kItems), orders);
}

struct Walk {
  bool from_then_on;
  When when;
  WriteMode mode;
};

void WalkFiles(const Walk& walk) {
  bool clean = false;
  int steps = 0;
  for (int step = 1; !clean; ++step) {
    ASSERT_LT(step, kStepsMax);
    Warehouse world;
    ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 3}).ok());
    io::FaultyFileStore faulty(*world.files,
                               {.fail_at = step, .fail_from_then_on = walk.from_then_on, .when = walk.when});
    {
      auto catalog = catalog::sqlite::OpenSqliteCatalog(
          {.path = world.root() + "/catalog.db", .warehouse = world.root()}, faulty, world.clock);
      if (catalog.ok()) {
        clean = RunOnce(world, **catalog, faulty, {.end = 5, .mode = walk.mode}).ok() && faulty.num_calls() < step;
      }
    }
    SCOPED_TRACE("step " + std::to_string(step));
    CheckBoth(world, 3, 5);
    ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 5}).ok());
    CheckBoth(world, 5, 5);
    ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 6}).ok());
    CheckBoth(world, 6, 6);
    if (::testing::Test::HasFailure()) return;
    steps = step;
  }
  EXPECT_GT(steps, 20);
}

TEST(CommitFaults, EachFileCallFailsOnce) {
  WalkFiles({false, When::kBefore, WriteMode::kAppend});
}
TEST(CommitFaults, EachFileCallFailsAfterItsEffect) {
  WalkFiles({false, When::kAfter, WriteMode::kAppend});
}
TEST(CommitFaults, FilesFailFromACallOn) {
  WalkFiles({true, When::kBefore, WriteMode::kAppend});
}
TEST(CommitFaults, FilesFailFromACallOnInAReplace) {
  WalkFiles({true, When::kAfter, WriteMode::kOverwriteAll});
}

TEST(CommitFaults, CatalogFaultsOfAnyKind) {
  using Mode = FaultyCatalog::Mode;
  for (const Mode mode : {Mode::kAppliedThenUnknown, Mode::kUnknownNotApplied, Mode::kUnknownAppliedLate,
                          Mode::kConflict, Mode::kError}) {
    for (const int times : {1, 2, 3}) {
      SCOPED_TRACE("mode " + std::to_string(static_cast<int>(mode)) + ", times " + std::to_string(times));
      Warehouse world;
      FaultyCatalog faulty(*world.catalog, mode, 1, times);
      const Status first = RunOnce(world, faulty, *world.files, {.end = 3});
      EXPECT_EQ(first.ok(), mode != Mode::kError) << first.ToString();
      CheckBoth(world, first.ok() ? 3 : 0, 3);
      ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 5}).ok());
      CheckBoth(world, 5, 5);
    }
  }
}

// The answer never comes: nothing may be removed, because the commit may be in the table.
// apache/iceberg#12792, #12818, #5752, #15050, #13443, #4673, duckdb-iceberg#1120, polaris#5263: files of a commit of
// unknown outcome were deleted, and the commit was in the table.
TEST(CommitFaults, UnknownForeverKeepsAllFiles) {
  using Mode = FaultyCatalog::Mode;
  for (const Mode mode : {Mode::kAppliedThenUnknown, Mode::kUnknownNotApplied}) {
    Warehouse world;
    ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 2}).ok());
    FaultyCatalog faulty(*world.catalog, mode, 1, 1000);
    CommitterOptions options = FastOptions();
    options.backoff_base_ms = options.backoff_delay_ms_max = 10;  // moves the fake clock
    options.total_ms = 50;
    faulty.load_failures = 1 << 30;
    const Status status = RunOnce(world, faulty, *world.files, {.end = 3}, options);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(FaultOf(status), Fault::kOutcomeUnknown) << status.ToString();
    CheckBoth(world, 2, 3);
    ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 4}).ok());
    CheckBoth(world, 4, 4);
  }
}

TEST(CommitFaults, ConflictStormEndsWithoutATrace) {
  Warehouse world;
  ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 2}).ok());
  FaultyCatalog storm(*world.catalog, FaultyCatalog::Mode::kConflict, 1, 1000);
  const auto count = [&] {
    const auto listed = Must(world.files->List("file://" + world.root()));
    return std::count_if(listed.begin(), listed.end(), [](const io::FileInfo& info) {
      return info.location.ends_with(".avro") || info.location.ends_with(".metadata.json");
    });
  };
  const auto before = count();
  const Status status = RunOnce(world, storm, *world.files, {.end = 3});
  EXPECT_EQ(FaultOf(status), Fault::kUnreachable) << status.ToString();
  EXPECT_EQ(storm.num_commits(), FastOptions().attempts_max);
  EXPECT_EQ(count(), before);
  CheckBoth(world, 2, 2);
}

// Each commits batches of its own stream into one table; the catalog sees them interleaved.
TEST(CommitFaults, ConcurrentStreamsLoseAndDoubleNothing) {
  Warehouse world;
  {
    auto committer = world.MakeCommitter();
    ASSERT_TRUE(Load(world, *committer, kOrders, "begin", {-1}, "0").ok());
  }
  constexpr int kThreads = 4;
  constexpr int kCommits = 12;
  CommitterOptions options = FastOptions();
  options.attempts_max = 0;
  auto shared = world.MakeCommitter(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto own = world.MakeCommitter(options);
      Committer& committer = t % 2 == 0 ? *own : *shared;
      for (int i = 0; i < kCommits; ++i) {
        const auto done = Load(world, committer, kOrders, "s" + std::to_string(t), {t * 1000 + i}, std::to_string(i));
        ASSERT_TRUE(done.ok()) << done.status().ToString();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Ids expected = {-1};
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kCommits; ++i) expected.insert(t * 1000 + i);
  }
  EXPECT_EQ(world.Read(kOrders), expected);
  for (int t = 0; t < kThreads; ++t) {
    EXPECT_EQ(Must(shared->OpenStream(kOrders, "s" + std::to_string(t))).version.sequence, kCommits);
  }
}

// Two runs of the same stream race: every row once, whoever wins.
TEST(CommitFaults, TwinsOfOneStreamDoNotDouble) {
  Warehouse world;
  std::vector<std::thread> twins;
  for (int t = 0; t < 2; ++t) {
    twins.emplace_back([&] {
      for (int64_t end = 1; end <= 15; ++end)
        static_cast<void>(RunOnce(world, *world.catalog, *world.files, {.end = end}));
    });
  }
  for (std::thread& twin : twins) twin.join();
  ASSERT_TRUE(RunOnce(world, *world.catalog, *world.files, {.end = 16}).ok());
  CheckBoth(world, 16, 16);
}

}  // namespace
}  // namespace firn::table
