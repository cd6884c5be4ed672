#include "state/run_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "io/temporary_folder.h"

namespace firn::state {
namespace {

using ::testing::HasSubstr;

std::string NewPath(const char* name) {
  static const io::TemporaryFolder root;
  return root.path() + "/" + name + "/.firn/state.db";
}

RunRecord NewRun(const std::string& id, const std::string& pipeline = "shop") {
  return {
      .run_id = id, .pipeline = pipeline, .environment = "dev", .command = "run", .lake = "/lake", .log_file = "/l"};
}

TableRecord NewTable(const std::string& name, TableState state = TableState::kCompleted) {
  TableRecord table{.pipeline = "shop", .table = name, .identifier = "shop." + name, .state = state};
  table.rows_read = 10;
  table.rows_inserted = 7;
  table.rows_updated = 2;
  table.rows_quarantined = 1;
  table.requests = 5;
  table.throttled = 2;
  table.waited_ms = 1500;
  table.snapshot_id = 9007199254740993;
  table.cursor_before = "2026-01-01";
  table.cursor_after = "2026-01-02";
  table.schema_changes = {"+ column coupon string"};
  table.fresh_to = Timestamp{.micros = 1'767'225'600'000'000};
  return table;
}

void Sql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  char* message = nullptr;
  ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_close(database);
}

TEST(RunHistory, ReadingCreatesNothing) {
  const FakeClock clock;
  const std::string path = NewPath("empty");
  auto history = RunHistory::Make(clock, {.path = path});
  EXPECT_TRUE(history->Runs().ValueOrDie().empty());
  EXPECT_TRUE(history->LatestTables().ValueOrDie().empty());
  EXPECT_FALSE(history->GetCursor("s").ValueOrDie().has_value());
  const auto run = history->FindRun("last");
  EXPECT_EQ(ContextOf(run.status())->code, "E0751");
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(path).parent_path()));
}

TEST(RunHistory, KeepsARunWithAllOfItsTables) {
  FakeClock clock;
  const std::string path = NewPath("run");
  auto history = RunHistory::Make(clock, {.path = path});
  ASSERT_TRUE(history->Begin(NewRun("run-0001")).ok());
  clock.Advance(std::chrono::seconds(3));
  ASSERT_TRUE(history->RecordTable("run-0001", NewTable("orders", TableState::kRunning)).ok());
  ASSERT_TRUE(history->RecordTable("run-0001", NewTable("orders")).ok());
  TableRecord failed = NewTable("items", TableState::kFailed);
  failed.reason_code = "E0412";
  failed.reason = "it broke";
  ASSERT_TRUE(history->RecordTable("run-0001", failed).ok());
  ASSERT_TRUE(history->Finish("run-0001", RunState::kPartiallyFailed, 3).ok());

  auto again = RunHistory::Make(clock, {.path = path});
  const RunRecord run = again->FindRun("last").ValueOrDie();
  EXPECT_EQ(run.state, RunState::kPartiallyFailed);
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(run.finished->micros - run.started.micros, 3'000'000);
  ASSERT_EQ(run.tables.size(), 2u);
  EXPECT_EQ(run.tables[0].table, "orders");
  EXPECT_EQ(run.tables[0].state, TableState::kCompleted);
  EXPECT_EQ(run.tables[0].rows_inserted, 7);
  EXPECT_EQ(run.tables[0].snapshot_id, 9007199254740993);
  EXPECT_EQ(run.tables[0].schema_changes, std::vector<std::string>{"+ column coupon string"});
  EXPECT_EQ(run.tables[0].fresh_to, (Timestamp{.micros = 1'767'225'600'000'000}));
  EXPECT_EQ(run.tables[1].reason_code, "E0412");
  EXPECT_EQ(again->FindRun("run-").ValueOrDie().run_id, "run-0001");
  EXPECT_EQ(ContextOf(again->FindRun("xxxx").status())->why, "the newest are: run-0001");
}

TEST(RunHistory, FindsRunsByPipelineTableAndState) {
  const FakeClock clock;
  auto history = RunHistory::Make(clock, {.path = NewPath("filter")});
  for (int i = 0; i < 6; ++i) {
    const std::string id = "run-" + std::to_string(i);
    ASSERT_TRUE(history->Begin(NewRun(id, i % 2 == 0 ? "shop" : "crm")).ok());
    if (i == 2) {
      ASSERT_TRUE(history->RecordTable(id, NewTable("orders")).ok());
    }
    ASSERT_TRUE(history->Finish(id, i == 4 ? RunState::kFailed : RunState::kCompleted, 0).ok());
  }
  EXPECT_EQ(history->Runs().ValueOrDie().size(), 6u);
  EXPECT_EQ(history->Runs().ValueOrDie()[0].run_id, "run-5");
  EXPECT_EQ(history->Runs({.pipeline = "crm"}).ValueOrDie().size(), 3u);
  EXPECT_EQ(history->Runs({.table = "shop.orders"}).ValueOrDie().size(), 1u);
  EXPECT_EQ(history->Runs({.state = RunState::kFailed}).ValueOrDie()[0].run_id, "run-4");
  EXPECT_EQ(history->Runs({.limit = 2}).ValueOrDie().size(), 2u);
}

TEST(RunHistory, ShowsTheLatestOfEachTable) {
  FakeClock clock;
  auto history = RunHistory::Make(clock, {.path = NewPath("latest")});
  for (int i = 0; i < 4; ++i) {
    const std::string id = "run-" + std::to_string(i);
    ASSERT_TRUE(history->Begin(NewRun(id)).ok());
    TableRecord table = NewTable("orders", i == 1 ? TableState::kCompleted : TableState::kFailed);
    table.snapshot_id = i == 1 ? std::optional<int64_t>(11) : std::nullopt;
    ASSERT_TRUE(history->RecordTable(id, table).ok());
    ASSERT_TRUE(history->Finish(id, RunState::kFailed, 1).ok());
    clock.Advance(std::chrono::hours(1));
  }
  const auto tables = history->LatestTables().ValueOrDie();
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].run_id, "run-3");
  EXPECT_EQ(tables[0].last.state, TableState::kFailed);
  EXPECT_EQ(tables[0].failures_in_a_row, 2);
  EXPECT_EQ(tables[0].last_snapshot_id, 11);
  EXPECT_EQ(tables[0].last_success->micros, FakeClock().Now().micros + 3'600'000'000);
}

TEST(RunHistory, ABackfillIsListedAndNotTheLatestOfItsTable) {
  FakeClock clock;
  auto history = RunHistory::Make(clock, {.path = NewPath("backfill")});
  for (const char* id : {"run-1", "run-2"}) {
    RunRecord run = NewRun(id);
    const bool backfill = run.run_id == "run-2";
    if (backfill) run.command = kBackfillCommand;
    ASSERT_TRUE(history->Begin(run).ok());
    TableRecord table = NewTable("orders", backfill ? TableState::kFailed : TableState::kCompleted);
    table.reconciled_at = clock.Now();
    table.reconcile_pass = true;
    ASSERT_TRUE(history->RecordTable(id, table).ok());
    ASSERT_TRUE(history->Finish(id, backfill ? RunState::kFailed : RunState::kCompleted, backfill).ok());
    clock.Advance(std::chrono::hours(1));
  }
  EXPECT_EQ(history->Runs({}).ValueOrDie().size(), 2u);
  const auto tables = history->LatestTables().ValueOrDie();
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].run_id, "run-1");
  EXPECT_EQ(tables[0].failures_in_a_row, 0);
  EXPECT_EQ(tables[0].last.reconciled_at, FakeClock().Now());
  EXPECT_TRUE(tables[0].last.reconcile_pass);
  EXPECT_EQ(history->RecentTables("/lake", NewTable("orders"), 9).ValueOrDie().size(), 1u);
}

TEST(RunHistory, EnvironmentsDoNotHideEachOther) {
  const FakeClock clock;
  auto history = RunHistory::Make(clock, {.path = NewPath("environments")});
  const auto run = [&](const std::string& id, const std::string& identifier, const std::string& lake,
                       TableState state) {
    RunRecord record = NewRun(id);
    record.lake = lake;
    TableRecord table = NewTable("orders", state);
    table.identifier = identifier;
    table.snapshot_id.reset();
    EXPECT_TRUE(history->Begin(record).ok());
    EXPECT_TRUE(history->RecordTable(id, table).ok());
  };
  run("run-1", "shop.orders", "/lake", TableState::kCompleted);
  run("run-2", "dev_shop.orders", "/lake", TableState::kFailed);
  run("run-3", "shop.orders", "/dev-lake", TableState::kFailed);
  run("run-4", "dev_shop.orders", "/lake", TableState::kFailed);
  const auto tables = history->LatestTables("/lake").ValueOrDie();
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].last.identifier, "dev_shop.orders");
  EXPECT_EQ(tables[0].run_id, "run-4");
  EXPECT_EQ(tables[0].failures_in_a_row, 2);
  EXPECT_FALSE(tables[0].last_success.has_value());
  EXPECT_EQ(tables[1].last.identifier, "shop.orders");
  EXPECT_EQ(tables[1].run_id, "run-1");
  EXPECT_EQ(tables[1].failures_in_a_row, 0);
  EXPECT_EQ(history->LatestTables().ValueOrDie().size(), 3u);
}

TEST(RunHistory, ARunWhoseProcessIsGoneIsInterrupted) {
  const FakeClock clock;
  const std::string path = NewPath("gone");
  const pid_t child = fork();
  if (child == 0) {
    auto history = RunHistory::Make(clock, {.path = path});
    _exit(history->Begin(NewRun("run-gone")).ok() ? 0 : 1);
  }
  int code = 0;
  ASSERT_EQ(waitpid(child, &code, 0), child);
  ASSERT_EQ(code, 0);
  auto history = RunHistory::Make(clock, {.path = path});
  EXPECT_EQ(history->FindRun("last").ValueOrDie().state, RunState::kInterrupted);
  ASSERT_TRUE(history->Begin(NewRun("run-here")).ok());
  EXPECT_EQ(history->FindRun("last").ValueOrDie().state, RunState::kRunning);
}

TEST(RunHistory, KeepsTheNewestRunsOnly) {
  const FakeClock clock;
  const std::string path = NewPath("retention");
  auto history = RunHistory::Make(clock, {.path = path, .runs_kept_max = 3});
  for (int i = 0; i < 8; ++i) {
    const std::string id = "run-" + std::to_string(i);
    ASSERT_TRUE(history->Begin(NewRun(id)).ok());
    ASSERT_TRUE(history->RecordTable(id, NewTable("orders")).ok());
  }
  const auto runs = history->Runs({.limit = 100}).ValueOrDie();
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[2].run_id, "run-5");
}

TEST(RunHistory, GivesTheRecentRecordsOfATable) {
  const FakeClock clock;
  auto history = RunHistory::Make(clock, {.path = NewPath("recent")});
  for (int i = 0; i < 4; ++i) {
    const std::string id = "run-" + std::to_string(i);
    ASSERT_TRUE(history->Begin(NewRun(id)).ok());
    TableRecord table = NewTable("orders", i == 3 ? TableState::kRunning : TableState::kCompleted);
    table.rows_read = i;
    table.ordinary = i != 1;
    table.loaded_at = Timestamp{.micros = 1'000 + i};
    table.findings = {{.code = "E0940", .text = "no \"rows\"", .is_error = i == 2}};
    ASSERT_TRUE(history->RecordTable(id, table).ok());
    ASSERT_TRUE(history->RecordTable(id, NewTable("items")).ok());
  }
  const auto records = history->RecentTables("/lake", NewTable("orders"), 2).ValueOrDie();
  ASSERT_EQ(records.size(), 2u);  // the running one is left out
  EXPECT_EQ(records[0].rows_read, 2);
  EXPECT_EQ(records[1].rows_read, 1);
  EXPECT_TRUE(records[0].ordinary);
  EXPECT_FALSE(records[1].ordinary);
  EXPECT_EQ(records[0].loaded_at, Timestamp{.micros = 1'002});
  EXPECT_EQ(records[0].findings, (std::vector<Finding>{{.code = "E0940", .text = "no \"rows\"", .is_error = true}}));
  EXPECT_TRUE(history->RecentTables("/other", NewTable("orders"), 2).ValueOrDie().empty());
  TableRecord other = NewTable("orders");
  other.identifier = "dev_shop.orders";
  EXPECT_TRUE(history->RecentTables("/lake", other, 2).ValueOrDie().empty());
}

// The part of a record that older versions wrote is read with the defaults of what they did not know.
TEST(RunHistory, ReadsTheRecordsOfOlderVersions) {
  const FakeClock clock;
  const std::string path = NewPath("older");
  auto history = RunHistory::Make(clock, {.path = path});
  ASSERT_TRUE(history->Begin(NewRun("run-1")).ok());
  ASSERT_TRUE(history->RecordTable("run-1", NewTable("orders")).ok());
  Sql(path,
      "UPDATE run_tables SET fresh_to = NULL, record = "
      "'{\"rows_read\":7,\"rows_unchanged\":2,\"reason_code\":\"E0412\","
      "\"schema_changes\":[],\"warnings\":[\"w\"]}'");
  const auto records = history->RecentTables("/lake", NewTable("orders"), 5).ValueOrDie();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].rows_read, 7);
  EXPECT_EQ(records[0].reason_code, "E0412");
  EXPECT_TRUE(records[0].ordinary);
  EXPECT_TRUE(records[0].findings.empty());
  EXPECT_FALSE(records[0].fresh_to.has_value());
  EXPECT_FALSE(records[0].loaded_at.has_value());
  Sql(path, "UPDATE run_tables SET record = '{\"findings\":[7,{\"code\":1,\"error\":\"x\"}],\"ordinary\":3}'");
  EXPECT_EQ(history->RecentTables("/lake", NewTable("orders"), 5).ValueOrDie()[0].findings, std::vector<Finding>(1));
}

TEST(RunHistory, CachesCursors) {
  const FakeClock clock;
  const std::string path = NewPath("cursor");
  auto history = RunHistory::Make(clock, {.path = path});
  ASSERT_TRUE(history->PutCursor("s", {.position_json = "{\"a\":1}", .snapshot_id = 5, .updated = clock.Now()}).ok());
  ASSERT_TRUE(history->PutCursor("s", {.position_json = "{\"a\":2}", .snapshot_id = {}, .updated = clock.Now()}).ok());
  EXPECT_EQ(history->GetCursor("s").ValueOrDie()->position_json, "{\"a\":2}");
  ASSERT_TRUE(history->DropCursor("s").ok());
  EXPECT_FALSE(history->GetCursor("s").ValueOrDie().has_value());
}

TEST(RunHistory, ADamagedDatabaseIsPutAsideAndBegunAnewWithAWarning) {
  const FakeClock clock;
  const std::string path = NewPath("damaged");
  {
    auto history = RunHistory::Make(clock, {.path = path});
    ASSERT_TRUE(history->Begin(NewRun("run-old")).ok());
  }
  std::ofstream(path, std::ios::trunc) << std::string(5000, 'x');
  auto history = RunHistory::Make(clock, {.path = path});
  EXPECT_TRUE(history->Runs().ValueOrDie().empty());
  const auto warnings = history->TakeWarnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("damaged"));
  EXPECT_THAT(warnings[0], HasSubstr("state.db.damaged-1"));
  ASSERT_TRUE(history->Begin(NewRun("run-new")).ok());
  EXPECT_EQ(history->Runs().ValueOrDie().size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged-1"));
}

TEST(RunHistory, RefusesANewerLayoutByName) {
  const FakeClock clock;
  const std::string path = NewPath("newer");
  ASSERT_TRUE(RunHistory::Make(clock, {.path = path})->Begin(NewRun("run-1")).ok());
  Sql(path, "UPDATE firn_state_version SET version = 7");
  auto history = RunHistory::Make(clock, {.path = path});
  const Status status = history->Begin(NewRun("run-2"));
  EXPECT_EQ(FaultOf(status), Fault::kConfig);
  EXPECT_EQ(ContextOf(status)->code, "E0753");
  EXPECT_THAT(ContextOf(status)->why, HasSubstr("version 7"));
  EXPECT_FALSE(history->Runs().ok());
}

TEST(RunHistory, IsDurableAndStrict) {
  const FakeClock clock;
  const std::string path = NewPath("strict");
  ASSERT_TRUE(RunHistory::Make(clock, {.path = path})->Begin(NewRun("run-1")).ok());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_NE(sqlite3_exec(database, "UPDATE runs SET started = 'soon'", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  std::ifstream file(path);
  std::string header(20, '\0');
  file.read(header.data(), 20);
  EXPECT_EQ(header[18], 2);  // write-ahead log (SQLite file format, offset 18)
}

TEST(RunHistory, SeveralThreadsAndProcessesWriteOneDatabase) {
  const FakeClock clock;
  const std::string path = NewPath("threads");
  auto one = RunHistory::Make(clock, {.path = path});
  auto two = RunHistory::Make(clock, {.path = path});
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto& history = t % 2 == 0 ? *one : *two;
      for (int i = 0; i < 5; ++i) {
        const std::string id = "run-" + std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(history.Begin(NewRun(id)).ok());
        EXPECT_TRUE(history.RecordTable(id, NewTable("orders")).ok());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(one->Runs({.limit = 100}).ValueOrDie().size(), 20u);
}

}  // namespace
}  // namespace firn::state
