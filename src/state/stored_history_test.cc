#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "io/conditional_store.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "state/leases.h"
#include "state/run_history.h"
#include "state/run_index.h"

namespace firn::state {
namespace {

using ::testing::HasSubstr;

/// A store that counts what it is asked for.
class CountingStore : public io::ConditionalStore {
 public:
  Result<std::optional<Document>> Read(const std::string& location) override {
    ++num_reads;
    return store_->Read(location);
  }
  Result<std::string> Put(const std::string& location, std::string_view bytes,
                          const std::optional<std::string>& version) override {
    return store_->Put(location, bytes, version);
  }
  int num_reads = 0;

 private:
  const std::unique_ptr<io::ConditionalStore> store_ = io::MakeLocalConditionalStore();
};

/// Knows which runs live, and gives nothing.
class FixedLeases : public Leases {
 public:
  Result<std::unique_ptr<HeldLease>> Acquire(std::string_view, std::string_view) override { return nullptr; }
  Status Check() override { return Status::OK(); }
  Result<std::optional<LeaseHolder>> Find(std::string_view) override { return std::nullopt; }
  Result<std::optional<std::vector<std::string>>> RunsAtWork() override { return runs; }
  Result<std::optional<LeaseHolder>> Unlock(std::string_view) override { return std::nullopt; }
  std::vector<std::string> runs;
};

class StoredHistory : public ::testing::Test {
 protected:
  std::unique_ptr<RunHistory> Open(int64_t runs_kept_max = kRunsKeptMax) {
    return RunHistory::MakeStored(clock_, {.files = *files_,
                                           .documents = documents_,
                                           .leases = leases_,
                                           .location = "file://" + folder_.path() + "/state",
                                           .runs_kept_max = runs_kept_max});
  }

  static std::string Id(int number) {
    std::string digits = std::to_string(number);
    return "run-" + std::string(6 - digits.size(), '0') + digits;
  }

  static TableRecord NewTable(const std::string& name, TableState state, int64_t rows = 10) {
    TableRecord table{.pipeline = "shop", .table = name, .identifier = "shop." + name, .state = state};
    table.rows_read = rows;
    table.snapshot_id = 9007199254740993;
    table.cursor_after = "2026-01-02";
    table.schema_changes = {"+ column coupon string"};
    table.fresh_to = Timestamp{.micros = 1'767'225'600'000'000};
    return table;
  }

  static RunRecord NewRun(int number) {
    return {.run_id = Id(number), .pipeline = "shop", .environment = "dev", .command = "run", .lake = "/lake"};
  }

  // As a process of its own does it.
  void RunOnce(int number, TableState state = TableState::kCompleted, int64_t rows = 10) {
    clock_.Advance(std::chrono::minutes(1));
    const auto history = Open();
    ASSERT_TRUE(history->Begin(NewRun(number)).ok());
    ASSERT_TRUE(history->RecordTable(Id(number), NewTable("orders", state, rows)).ok());
    const bool good = state == TableState::kCompleted;
    const Status ended = history->Finish(Id(number), good ? RunState::kCompleted : RunState::kFailed, good ? 0 : 1);
    ASSERT_TRUE(ended.ok()) << ended;
  }

  // What so many runs leave, written at once.
  void WriteRuns(int count) const {
    RunIndex index;
    std::filesystem::create_directories(PathOf("pages"));
    for (int i = 1; i <= count; ++i) {
      StoredRun run{.run = NewRun(i), .tables = {}};
      run.run.state = RunState::kCompleted;
      run.Put({.record = NewTable("orders", TableState::kCompleted, i), .recorded = {.micros = i}});
      index.Fold(run);
      if (i <= 40) std::filesystem::create_directories(PathOf("runs/" + Id(i)));
      if (i <= 40) Write("runs/" + Id(i) + "/run.json", StoredRunJson(run).dump());
      const auto page = index.CutPage();
      if (page.empty()) continue;
      const std::string name = page.back().run.run_id + ".json";
      Write("pages/" + name, WritePage(page));
      index.pages.insert(index.pages.begin(), {.name = name,
                                               .first = page.back().run.run_id,
                                               .last = page.front().run.run_id,
                                               .runs = static_cast<int64_t>(page.size())});
    }
    Write("index.json", WriteIndex(index));
  }

  std::string PathOf(const std::string& name) const { return folder_.path() + "/state/" + name; }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(PathOf(name)) << text; }

  FakeClock clock_;
  const io::TemporaryFolder folder_;
  const std::unique_ptr<io::FileStore> files_ = io::MakeLocalFileStore();
  CountingStore documents_;
  FixedLeases leases_;
};

TEST_F(StoredHistory, ReadingCreatesNothing) {
  const auto history = Open();
  EXPECT_TRUE(history->Runs().ValueOrDie().empty());
  EXPECT_TRUE(history->LatestTables().ValueOrDie().empty());
  EXPECT_THAT(ContextOf(history->FindRun("last").status())->why, HasSubstr("nothing has been run"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/state"));
}

TEST_F(StoredHistory, WhatOneProcessWritesAnotherReads) {
  RunOnce(1);
  RunOnce(2, TableState::kFailed);
  RunOnce(3, TableState::kFailed);
  const auto history = Open();
  const auto runs = history->Runs().ValueOrDie();
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].run_id, Id(3));
  EXPECT_EQ(runs[0].state, RunState::kFailed);
  EXPECT_EQ(runs[2].state, RunState::kCompleted);
  EXPECT_TRUE(runs[2].finished.has_value());
  const auto found = history->FindRun("last").ValueOrDie();
  ASSERT_EQ(found.tables.size(), 1U);
  EXPECT_EQ(found.tables[0].cursor_after, "2026-01-02");
  EXPECT_EQ(found.tables[0].snapshot_id, 9007199254740993);
  EXPECT_EQ(found.tables[0].schema_changes.size(), 1U);
  const auto latest = history->LatestTables("/lake").ValueOrDie();
  ASSERT_EQ(latest.size(), 1U);
  EXPECT_EQ(latest[0].failures_in_a_row, 2);
  EXPECT_EQ(latest[0].last.state, TableState::kFailed);
  EXPECT_TRUE(latest[0].last_success.has_value());
  EXPECT_EQ(latest[0].run_id, Id(3));
  EXPECT_TRUE(history->LatestTables("/other").ValueOrDie().empty());
}

TEST_F(StoredHistory, RecentRecordsOfATableAreTheNewestTwenty) {
  for (int i = 1; i <= 25; ++i) RunOnce(i, TableState::kCompleted, i);
  const auto records = Open()->RecentTables("/lake", NewTable("orders", TableState::kCompleted), 50).ValueOrDie();
  ASSERT_EQ(records.size(), RunIndex::kRecordsKept);
  EXPECT_EQ(records.front().rows_read, 25);
  EXPECT_EQ(records.back().rows_read, 6);
  EXPECT_TRUE(records.back().fresh_to.has_value());
}

TEST_F(StoredHistory, ARunThatDiedIsInterruptedAndSettledByTheNext) {
  RunOnce(1);
  {
    const auto died = Open();
    ASSERT_TRUE(died->Begin(NewRun(2)).ok());
    ASSERT_TRUE(died->RecordTable(Id(2), NewTable("orders", TableState::kCompleted)).ok());
  }
  EXPECT_EQ(Open()->Runs().ValueOrDie()[0].state, RunState::kInterrupted);
  EXPECT_EQ(Open()->FindRun(Id(2)).ValueOrDie().tables.size(), 1U);
  RunOnce(3);
  EXPECT_FALSE(std::filesystem::exists(PathOf("open/" + Id(2) + "/begin.json")));
  const auto runs = Open()->Runs().ValueOrDie();
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[1].state, RunState::kInterrupted);
}

TEST_F(StoredHistory, ARunWhoseLeaseHoldsIsRunning) {
  const auto at_work = Open();
  ASSERT_TRUE(at_work->Begin(NewRun(1)).ok());
  ASSERT_TRUE(at_work->RecordTable(Id(1), NewTable("orders", TableState::kCompleted)).ok());
  leases_.runs = {Id(1)};
  EXPECT_EQ(Open()->Runs().ValueOrDie()[0].state, RunState::kRunning);
  RunOnce(2);
  EXPECT_EQ(Open()->Runs().ValueOrDie()[1].state, RunState::kRunning);
  ASSERT_TRUE(at_work->Finish(Id(1), RunState::kCompleted, 0).ok());
  EXPECT_EQ(Open()->Runs().ValueOrDie()[1].state, RunState::kCompleted);
}

TEST_F(StoredHistory, WhoEndedButDidNotReachTheIndexIsFoundByItsRecord) {
  RunOnce(1);
  const std::string before = PathOf("index.json");
  std::filesystem::copy(before, before + ".kept");
  {
    const auto history = Open();
    ASSERT_TRUE(history->Begin(NewRun(2)).ok());
    std::filesystem::copy(PathOf("open"), PathOf("open.kept"), std::filesystem::copy_options::recursive);
    ASSERT_TRUE(history->Finish(Id(2), RunState::kCancelled, 130).ok());
  }
  std::filesystem::rename(before + ".kept", before);
  std::filesystem::remove_all(PathOf("open"));
  std::filesystem::rename(PathOf("open.kept"), PathOf("open"));
  EXPECT_EQ(Open()->Runs().ValueOrDie()[0].state, RunState::kCancelled);
  RunOnce(3);
  EXPECT_EQ(Open()->Runs().ValueOrDie()[1].exit_code, 130);
}

TEST_F(StoredHistory, TwoRunsThatEndAtOnceAreBothKept) {
  const auto one = Open();
  const auto other = Open();
  ASSERT_TRUE(one->Begin(NewRun(1)).ok());
  ASSERT_TRUE(other->Begin(NewRun(2)).ok());
  ASSERT_TRUE(one->RecentTables("/lake", NewTable("orders", TableState::kCompleted), 5).ok());
  ASSERT_TRUE(other->RecentTables("/lake", NewTable("orders", TableState::kCompleted), 5).ok());
  ASSERT_TRUE(one->Finish(Id(1), RunState::kCompleted, 0).ok());
  ASSERT_TRUE(other->Finish(Id(2), RunState::kCompleted, 0).ok());
  const auto runs = Open()->Runs().ValueOrDie();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].state, RunState::kCompleted);
  EXPECT_EQ(runs[1].state, RunState::kCompleted);
}

TEST_F(StoredHistory, ADamagedIndexIsPutAsideAndBuiltFromTheRuns) {
  for (int i = 1; i <= 3; ++i) RunOnce(i);
  Write("index.json", "{\"version\": 1, \"runs\": [{\"run_i");
  const auto history = Open();
  EXPECT_EQ(history->Runs().ValueOrDie().size(), 3U);
  EXPECT_EQ(history->LatestTables("/lake").ValueOrDie().size(), 1U);
  const auto warnings = history->TakeWarnings();
  ASSERT_FALSE(warnings.empty());
  EXPECT_THAT(warnings[0], HasSubstr("damaged"));
  EXPECT_FALSE(std::filesystem::is_empty(PathOf("damaged")));
  RunOnce(4);
  EXPECT_EQ(Open()->Runs().ValueOrDie().size(), 4U);
  EXPECT_TRUE(Open()->TakeWarnings().empty());
}

TEST_F(StoredHistory, ANewerIndexIsRefusedByNameAndLeftAlone) {
  RunOnce(1);
  Write("index.json", "{\"version\": 2}");
  const auto history = Open();
  ASSERT_TRUE(history->Begin(NewRun(2)).ok());
  const Status ended = history->Finish(Id(2), RunState::kCompleted, 0);
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ContextOf(ended)->code, "E0753");
  EXPECT_THAT(ContextOf(ended)->why, HasSubstr("version 2"));
  std::ifstream file(PathOf("index.json"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "{\"version\": 2}");
}

TEST_F(StoredHistory, TenThousandRunsAreAnsweredInAFewReads) {
  WriteRuns(10'000);
  const auto reader = Open();
  EXPECT_EQ(reader->Runs({.limit = 20}).ValueOrDie().size(), 20U);
  EXPECT_EQ(documents_.num_reads, 1);
  documents_.num_reads = 0;
  EXPECT_TRUE(reader->LatestTables("/lake").ok());
  EXPECT_EQ(documents_.num_reads, 1);
  documents_.num_reads = 0;
  EXPECT_EQ(reader->FindRun(Id(3)).ValueOrDie().run_id, Id(3));
  EXPECT_EQ(documents_.num_reads, 3);  // index, one page, the run
  EXPECT_THAT(ContextOf(reader->FindRun("run-00").status())->why, HasSubstr("more than one"));
  EXPECT_EQ(reader->Runs({.limit = 100'000}).ValueOrDie().size(), 10'000U);
}

TEST_F(StoredHistory, TheIndexStaysSmallAndTheOldestRunsGo) {
  WriteRuns(1'000);
  const auto history = Open(900);
  ASSERT_TRUE(history->Begin(NewRun(1'001)).ok());
  ASSERT_TRUE(history->Finish(Id(1'001), RunState::kCompleted, 0).ok());
  const auto runs = Open(900)->Runs({.limit = 100'000}).ValueOrDie();
  EXPECT_EQ(runs.size(), 985U);
  EXPECT_EQ(runs.front().run_id, Id(1'001));
  EXPECT_EQ(runs.back().run_id, Id(17));
  EXPECT_FALSE(std::filesystem::exists(PathOf("runs/" + Id(16) + "/run.json")));
  EXPECT_TRUE(std::filesystem::exists(PathOf("runs/" + Id(17) + "/run.json")));
}

TEST_F(StoredHistory, FilesOfARunAreKeptWithIt) {
  RunOnce(1);
  ASSERT_TRUE(Open()->KeepFile(Id(1), "log.jsonl", "{}\n").ok());
  EXPECT_EQ(Open()->ReadFile(Id(1), "log.jsonl").ValueOrDie(), "{}\n");
  EXPECT_FALSE(Open()->ReadFile(Id(2), "log.jsonl").ValueOrDie().has_value());
}

TEST(RunIndex, FoldingTwiceChangesNothing) {
  RunIndex index;
  StoredRun run{.run = {.run_id = "run-1", .lake = "/lake", .state = RunState::kFailed}, .tables = {}};
  TableRecord table{.pipeline = "shop", .table = "orders", .identifier = "shop.orders", .state = TableState::kFailed};
  run.Put({.record = table, .recorded = {.micros = 5}});
  index.Fold(run);
  const std::string once = WriteIndex(index);
  index.Fold(run);
  EXPECT_EQ(WriteIndex(index), once);
  const auto read = ParseIndex("index.json", once);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(WriteIndex(*read), once);
}

TEST(RunIndex, ABackfillIsListedAndNotTheLatestOfItsTable) {
  RunIndex index;
  for (const char* id : {"run-1", "run-2"}) {
    StoredRun run{.run = {.run_id = id, .pipeline = "shop", .lake = "/lake"}, .tables = {}};
    run.run.command = run.run.run_id == "run-2" ? kBackfillCommand : "run";
    StoredTable table;
    table.record = {.pipeline = "shop", .table = "orders", .identifier = "shop.orders"};
    run.tables.push_back(table);
    index.Fold(run);
  }
  EXPECT_EQ(index.runs.size(), 2u);
  ASSERT_EQ(index.Statuses("/lake").size(), 1u);
  EXPECT_EQ(index.Statuses("/lake")[0].run_id, "run-1");
}

TEST(RunIndex, ARunThatIsFoldedLateDoesNotBecomeTheNewest) {
  RunIndex index;
  for (const char* id : {"run-1", "run-3", "run-2"}) {
    StoredRun run{.run = {.run_id = id, .lake = "/lake", .state = RunState::kFailed}, .tables = {}};
    TableRecord table{.pipeline = "shop", .table = "orders", .identifier = "shop.orders", .state = TableState::kFailed};
    run.Put({.record = table, .recorded = {}});
    index.Fold(run);
  }
  EXPECT_EQ(index.runs[0].run.run_id, "run-3");
  EXPECT_EQ(index.runs[1].run.run_id, "run-2");
  EXPECT_EQ(index.Statuses("/lake")[0].run_id, "run-3");
}

}  // namespace
}  // namespace firn::state
