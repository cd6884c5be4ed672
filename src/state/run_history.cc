#include "state/run_history.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "io/file_store.h"
#include "state/database.h"
#include "state/no_run.h"
#include "state/record_json.h"
#include "state/this_process.h"

namespace firn::state {
namespace {

constexpr char kRunColumns[] =
    "sequence, run_id, pipeline, environment, command, lake, log_file, state, exit_code, started, finished, "
    "process_id, "
    "process_start";

RunRecord ReadRun(const Statement& row) {
  RunRecord run{.run_id = row.Text(1),
                .pipeline = row.Text(2),
                .environment = row.Text(3),
                .command = row.Text(4),
                .lake = row.Text(5),
                .log_file = row.Text(6),
                .state = static_cast<RunState>(row.Int(7)),
                .exit_code = static_cast<int32_t>(row.Int(8)),
                .started = {.micros = row.Int(9)},
                .finished = {},
                .process_id = row.Int(11)};
  if (const auto finished = row.OptionalInt(10)) run.finished = Timestamp{.micros = *finished};
  const bool gone = ProcessStart(run.process_id) != row.Int(12);
  if (run.state == RunState::kRunning && gone) run.state = RunState::kInterrupted;
  return run;
}

constexpr char kTableColumns[] = "t.pipeline, t.\"table\", t.identifier, t.state, t.snapshot_id, t.fresh_to, t.record";

TableRecord ReadTable(const Statement& row, int first = 0) {
  TableRecord table = ParseTableRecord(row.Text(first + 6));
  table.pipeline = row.Text(first);
  table.table = row.Text(first + 1);
  table.identifier = row.Text(first + 2);
  table.state = static_cast<TableState>(row.Int(first + 3));
  table.snapshot_id = row.OptionalInt(first + 4);
  if (const auto fresh = row.OptionalInt(first + 5)) table.fresh_to = Timestamp{.micros = *fresh};
  return table;
}

class History : public RunHistory {
 public:
  History(const Clock& clock, RunHistoryOptions options) : clock_(clock), options_(std::move(options)) {}

  Status Begin(RunRecord run) override;
  Status RecordTable(const std::string& run_id, const TableRecord& table) override;
  Status Finish(const std::string& run_id, RunState state, int32_t exit_code) override;
  Result<std::vector<RunRecord>> Runs(const RunFilter& filter) override;
  Result<RunRecord> FindRun(std::string_view run_id) override;
  Result<std::vector<TableRecord>> RecentTables(const std::string& lake, const TableRecord& key,
                                                int64_t limit) override;
  Result<std::vector<TableStatus>> LatestTables(const std::string& lake) override;
  Status PutCursor(const std::string& stream, const Cursor& cursor) override;
  Result<std::optional<Cursor>> GetCursor(const std::string& stream) override;
  Status DropCursor(const std::string& stream) override;
  Status KeepFile(const std::string&, const std::string&, std::string_view) override { return Status::OK(); }
  Result<std::optional<std::string>> ReadFile(const std::string&, const std::string&) override { return std::nullopt; }
  std::vector<std::string> TakeWarnings() override {
    const MutexLock lock(mutex_);
    return std::exchange(warnings_, {});
  }

 private:
  // Each runs `body` on the open database; a damaged one is replaced, and `body` runs once more on the new one.
  template <typename Body>
  Status Write(Body body) {
    const MutexLock lock(mutex_);
    Status status = Open(true);
    if (status.ok()) status = body();
    if (status.ok() || FaultOf(status) != Fault::kBadData) return status;
    ARROW_RETURN_NOT_OK(PutAside(status));
    ARROW_RETURN_NOT_OK(Open(true));
    return body();
  }
  // A missing database has no rows: `body` is not run. A damaged one is put aside and then has none either.
  template <typename Body>
  Status Read(Body body) {
    const MutexLock lock(mutex_);
    if (!database_ && !std::filesystem::exists(options_.path)) return Status::OK();
    Status status = Open(false);
    if (status.ok()) status = body();
    if (status.ok() || FaultOf(status) != Fault::kBadData) return status;
    return PutAside(status);
  }
  Status Open(bool create) FIRN_REQUIRES(mutex_);
  Status PutAside(const Status& cause) FIRN_REQUIRES(mutex_);
  Status InsertRun(const RunRecord& run) FIRN_REQUIRES(mutex_);
  Status ReadTablesOf(RunRecord& run) FIRN_REQUIRES(mutex_);
  Result<TableStatus> StatusOf(const Statement& row, const std::string& lake) FIRN_REQUIRES(mutex_);
  Result<Statement> Prepare(std::string_view sql) FIRN_REQUIRES(mutex_) {
    return Statement::Prepare(database_.get(), sql);
  }

  const Clock& clock_;
  const RunHistoryOptions options_;
  Mutex mutex_;
  DatabaseHandle database_ FIRN_GUARDED_BY(mutex_);
  std::vector<std::string> warnings_ FIRN_GUARDED_BY(mutex_);
};

Status History::Open(bool create) {
  if (database_) return Status::OK();
  if (create) {
    const auto folder = std::filesystem::path(options_.path).parent_path();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return io::FileError("create folder", folder.string(), error.value());
  }
  ARROW_ASSIGN_OR_RAISE(database_, OpenStateDatabase(options_.path, create, options_.busy_timeout_ms));
  return Status::OK();
}

Status History::PutAside(const Status& cause) {
  database_.reset();
  std::string aside;
  for (int n = 1; aside.empty() || std::filesystem::exists(aside); ++n) {
    aside = options_.path + ".damaged-" + std::to_string(n);
  }
  // The write-ahead log belongs to the damaged file; beside a new one it would be replayed into it.
  for (const char* part : {"", "-wal", "-shm"}) {
    const std::string from = options_.path + part;
    if (::rename(from.c_str(), (aside + part).c_str()) != 0 && errno != ENOENT) {
      return io::FileError("rename", from, errno);
    }
  }
  warnings_.push_back("the run history " + options_.path + " was damaged and is begun anew; the old file is kept as " +
                      aside + "; no table is affected: the lake holds all that matters");
  log::Warn("state database damaged", {{"path", options_.path}, {"kept_as", aside}, {"reason", cause.message()}});
  return Status::OK();
}

Status History::InsertRun(const RunRecord& run) {
  ARROW_ASSIGN_OR_RAISE(
      Statement insert,
      Prepare("INSERT INTO runs (run_id, pipeline, environment, command, lake, log_file, state, exit_code, started, "
              "process_id, process_start) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)"));
  insert.Bind(run.run_id).Bind(run.pipeline).Bind(run.environment).Bind(run.command).Bind(run.lake).Bind(run.log_file);
  insert.Bind(static_cast<int64_t>(RunState::kRunning)).Bind(run.started.micros).Bind(run.process_id);
  insert.Bind(ProcessStart(run.process_id));
  return insert.Run();
}

Status History::Begin(RunRecord run) {
  run.process_id = ::getpid();
  if (run.started.micros == 0) run.started = clock_.Now();
  FIRN_FAILPOINT("state.run.begin");
  return Write([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    ARROW_RETURN_NOT_OK(InsertRun(run));
    ARROW_ASSIGN_OR_RAISE(Statement trim,
                          Prepare("DELETE FROM runs WHERE sequence <= (SELECT max(sequence) FROM runs) - ?"));
    return trim.Bind(options_.runs_kept_max).Run();
  });
}

Status History::RecordTable(const std::string& run_id, const TableRecord& table) {
  FIRN_FAILPOINT("state.run.table");
  return Write([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    ARROW_ASSIGN_OR_RAISE(
        Statement put,
        Prepare("INSERT INTO run_tables (run_sequence, pipeline, \"table\", identifier, state, snapshot_id, fresh_to, "
                "finished, record) SELECT sequence, ?, ?, ?, ?, ?, ?, ?, ? FROM runs WHERE run_id = ? "
                "ON CONFLICT (run_sequence, pipeline, \"table\") DO UPDATE SET identifier = excluded.identifier, "
                "state = excluded.state, snapshot_id = excluded.snapshot_id, fresh_to = excluded.fresh_to, "
                "finished = excluded.finished, record = excluded.record"));
    put.Bind(table.pipeline).Bind(table.table).Bind(table.identifier).Bind(static_cast<int64_t>(table.state));
    put.Bind(table.snapshot_id);
    put.Bind(table.fresh_to ? std::optional<int64_t>(table.fresh_to->micros) : std::nullopt);
    put.Bind(clock_.Now().micros).Bind(WriteTableRecord(table)).Bind(run_id);
    return put.Run();
  });
}

Status History::Finish(const std::string& run_id, RunState state, int32_t exit_code) {
  FIRN_FAILPOINT("state.run.finish");
  return Write([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    ARROW_ASSIGN_OR_RAISE(Statement update,
                          Prepare("UPDATE runs SET state = ?, exit_code = ?, finished = ? WHERE run_id = ?"));
    update.Bind(static_cast<int64_t>(state)).Bind(int64_t{exit_code}).Bind(clock_.Now().micros).Bind(run_id);
    return update.Run();
  });
}

Result<std::vector<RunRecord>> History::Runs(const RunFilter& filter) {
  std::vector<RunRecord> runs;
  ARROW_RETURN_NOT_OK(Read([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    runs.clear();
    ARROW_ASSIGN_OR_RAISE(
        Statement rows,
        Prepare(
            std::string("SELECT ") + kRunColumns +
            " FROM runs WHERE (?1 = '' OR ?1 = pipeline OR EXISTS (SELECT * FROM run_tables t WHERE "
            "t.run_sequence = sequence AND t.pipeline = ?1)) AND (?2 = '' OR EXISTS (SELECT * FROM run_tables t "
            "WHERE t.run_sequence = sequence AND (t.\"table\" = ?2 OR t.identifier = ?2))) ORDER BY sequence DESC"));
    rows.Bind(filter.pipeline).Bind(filter.table);
    // Whether a run was interrupted is known only outside of SQL, so the limit is counted here.
    while (static_cast<int64_t>(runs.size()) < filter.limit) {
      ARROW_ASSIGN_OR_RAISE(const bool more, rows.Step());
      if (!more) break;
      RunRecord run = ReadRun(rows);
      if (!filter.state || *filter.state == run.state) runs.push_back(std::move(run));
    }
    return Status::OK();
  }));
  return runs;
}

Status History::ReadTablesOf(RunRecord& run) {
  ARROW_ASSIGN_OR_RAISE(Statement rows, Prepare(std::string("SELECT ") + kTableColumns +
                                                " FROM run_tables t JOIN runs r ON r.sequence = t.run_sequence "
                                                "WHERE r.run_id = ? ORDER BY t.rowid"));
  rows.Bind(run.run_id);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool more, rows.Step());
    if (!more) return Status::OK();
    run.tables.push_back(ReadTable(rows));
  }
}

Result<RunRecord> History::FindRun(std::string_view run_id) {
  std::vector<RunRecord> found;
  const bool last = run_id == "last";
  const bool beginning = run_id.size() >= kIdBeginningMin;
  ARROW_RETURN_NOT_OK(Read([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    found.clear();
    ARROW_ASSIGN_OR_RAISE(Statement rows,
                          Prepare(std::string("SELECT ") + kRunColumns +
                                  " FROM runs WHERE ?1 OR run_id = ?2 OR (?3 AND substr(run_id, 1, length(?2)) = ?2) "
                                  "ORDER BY run_id = ?2 DESC, sequence DESC LIMIT 3"));
    rows.Bind(int64_t{last}).Bind(run_id).Bind(int64_t{beginning});
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool more, rows.Step());
      if (!more) break;
      found.push_back(ReadRun(rows));
    }
    return found.empty() ? Status::OK() : ReadTablesOf(found[0]);
  }));
  const bool exact = !found.empty() && (last || found[0].run_id == run_id || found.size() == 1);
  if (exact) return std::move(found[0]);
  std::string newest;
  ARROW_ASSIGN_OR_RAISE(const auto runs, Runs({.pipeline = "", .table = "", .state = {}, .limit = 5}));
  for (const auto& run : runs) newest += (newest.empty() ? "the newest are: " : ", ") + run.run_id;
  if (newest.empty()) newest = "nothing has been run here yet";
  return NoRun(run_id, found.size() > 1 ? "more than one run begins with this" : newest);
}

Result<std::vector<TableRecord>> History::RecentTables(const std::string& lake, const TableRecord& key, int64_t limit) {
  std::vector<TableRecord> records;
  ARROW_RETURN_NOT_OK(Read([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    records.clear();
    ARROW_ASSIGN_OR_RAISE(
        Statement rows,
        Prepare(std::string("SELECT ") + kTableColumns +
                " FROM run_tables t JOIN runs r ON r.sequence = t.run_sequence WHERE r.command <> ? AND r.lake = ? AND "
                "t.pipeline = ? AND t.\"table\" = ? AND t.identifier = ? AND t.state <> ? ORDER BY t.run_sequence DESC "
                "LIMIT ?"));
    rows.Bind(kBackfillCommand)
        .Bind(lake)
        .Bind(key.pipeline)
        .Bind(key.table)
        .Bind(key.identifier)
        .Bind(static_cast<int64_t>(TableState::kRunning))
        .Bind(limit);
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool more, rows.Step());
      if (!more) return Status::OK();
      records.push_back(ReadTable(rows));
    }
  }));
  return records;
}

Result<TableStatus> History::StatusOf(const Statement& row, const std::string& lake) {
  TableStatus status{.run_id = row.Text(7),
                     .run_started = {.micros = row.Int(8)},
                     .run_state = static_cast<RunState>(row.Int(9)),
                     .last = ReadTable(row),
                     .last_success = {},
                     .last_snapshot_id = {}};
  const auto completed = static_cast<int64_t>(TableState::kCompleted);
  ARROW_ASSIGN_OR_RAISE(
      Statement more,
      Prepare("WITH own AS (SELECT t.* FROM run_tables t JOIN runs r ON r.sequence = t.run_sequence WHERE t.pipeline = "
              "?1 AND t.\"table\" = ?2 AND t.identifier = ?5 AND r.lake = ?6 AND r.command <> ?7) SELECT max(CASE WHEN "
              "state = ?3 THEN "
              "finished END), (SELECT snapshot_id FROM own WHERE snapshot_id IS NOT NULL ORDER BY run_sequence DESC "
              "LIMIT 1), count(*) FILTER (WHERE state = ?4 AND run_sequence > coalesce((SELECT max(run_sequence) FROM "
              "own WHERE state = ?3), 0)) FROM own"));
  more.Bind(status.last.pipeline).Bind(status.last.table).Bind(completed);
  more.Bind(static_cast<int64_t>(TableState::kFailed)).Bind(status.last.identifier).Bind(lake).Bind(kBackfillCommand);
  ARROW_RETURN_NOT_OK(more.Step().status());
  if (const auto success = more.OptionalInt(0)) status.last_success = Timestamp{.micros = *success};
  status.last_snapshot_id = more.OptionalInt(1);
  status.failures_in_a_row = more.Int(2);
  return status;
}

Result<std::vector<TableStatus>> History::LatestTables(const std::string& lake) {
  std::vector<TableStatus> all;
  ARROW_RETURN_NOT_OK(Read([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    all.clear();
    ARROW_ASSIGN_OR_RAISE(
        Statement rows,
        Prepare(
            std::string("WITH latest AS (SELECT max(n.run_sequence) AS sequence, n.pipeline, n.\"table\" FROM "
                        "run_tables n JOIN runs m ON m.sequence = n.run_sequence WHERE (?1 = '' OR m.lake = ?1) AND "
                        "m.command <> ?2 GROUP BY n.pipeline, n.\"table\", n.identifier, m.lake) SELECT ") +
            kTableColumns +
            ", r.run_id, r.started, r.state, r.process_id, r.process_start, r.lake FROM latest l JOIN run_tables "
            "t ON t.run_sequence = l.sequence AND t.pipeline = l.pipeline AND t.\"table\" = l.\"table\" JOIN runs "
            "r ON r.sequence = t.run_sequence ORDER BY t.pipeline, t.\"table\", t.identifier, r.lake"));
    rows.Bind(lake).Bind(kBackfillCommand);
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool more, rows.Step());
      if (!more) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(TableStatus status, StatusOf(rows, rows.Text(12)));
      const bool gone = ProcessStart(rows.Int(10)) != rows.Int(11);
      if (status.run_state == RunState::kRunning && gone) status.run_state = RunState::kInterrupted;
      all.push_back(std::move(status));
    }
  }));
  return all;
}

Status History::PutCursor(const std::string& stream, const Cursor& cursor) {
  return Write([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    ARROW_ASSIGN_OR_RAISE(Statement put, Prepare("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?)"));
    put.Bind(stream).Bind(cursor.position_json).Bind(cursor.snapshot_id).Bind(cursor.updated.micros);
    return put.Run();
  });
}

Result<std::optional<RunHistory::Cursor>> History::GetCursor(const std::string& stream) {
  std::optional<Cursor> cursor;
  ARROW_RETURN_NOT_OK(Read([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    ARROW_ASSIGN_OR_RAISE(Statement rows,
                          Prepare("SELECT position_json, snapshot_id, updated FROM cursors WHERE stream = ?"));
    rows.Bind(stream);
    ARROW_ASSIGN_OR_RAISE(const bool found, rows.Step());
    if (!found) return Status::OK();
    cursor =
        Cursor{.position_json = rows.Text(0), .snapshot_id = rows.OptionalInt(1), .updated = {.micros = rows.Int(2)}};
    return Status::OK();
  }));
  return cursor;
}

Status History::DropCursor(const std::string& stream) {
  return Read([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS {
    ARROW_ASSIGN_OR_RAISE(Statement drop, Prepare("DELETE FROM cursors WHERE stream = ?"));
    return drop.Bind(stream).Run();
  });
}

}  // namespace

std::unique_ptr<RunHistory> RunHistory::Make(const Clock& clock, RunHistoryOptions options) {
  return std::make_unique<History>(clock, std::move(options));
}

}  // namespace firn::state
