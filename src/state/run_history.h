#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "state/run_record.h"

namespace firn::io {
class ConditionalStore;
class FileStore;
}  // namespace firn::io

namespace firn::state {

/// Layout version of state.db, kept in table firn_state_version. A newer one is refused, an older one upgraded.
inline constexpr int kStateVersion = 1;
inline constexpr int64_t kRunsKeptMax = 10'000;

struct RunHistoryOptions {
  std::string path;  // plain path of the database, usually "<project>/.firn/state.db"
  int64_t runs_kept_max = kRunsKeptMax;
  int64_t busy_timeout_ms = 10'000;  // how long to wait for another process's write
};

class Leases;

struct StoredHistoryOptions {
  io::FileStore& files;
  io::ConditionalStore& documents;
  Leases& leases;        // tell which runs live
  std::string location;  // of the state, without a last slash
  int64_t runs_kept_max = kRunsKeptMax;
};

struct RunFilter {
  std::string pipeline;  // empty: all
  std::string table;     // runs that touched it (configuration name or identifier); empty: all
  std::optional<RunState> state;
  int64_t limit = 20;
};

/// Runs, their tables, and the last known cursor of each stream. Everything in it may be lost: the lake is the truth. A
/// damaged database is put aside as "<path>.damaged-<n>" and begun anew with a warning. Thread-safe; several processes
/// may use one history. Durable: WAL with synchronous=FULL.
class RunHistory {
 public:
  /// Opens for writing on the first write, which also creates the file and its folder; reading a missing database finds
  /// nothing and creates nothing. Does no I/O itself. `clock` outlives the history.
  static std::unique_ptr<RunHistory> Make(const Clock& clock, RunHistoryOptions options);
  /// The same as documents in a file store, for all machines (docs/decisions/0012-stateless-runs.md). Borrows its
  /// collaborators. Every document is written once but the index, which is replaced by conditional puts. A damaged
  /// index is put aside below "damaged/" and built again from the newest runs.
  static std::unique_ptr<RunHistory> MakeStored(const Clock& clock, StoredHistoryOptions options);
  virtual ~RunHistory() = default;

  /// Records that a run has begun; sets process id and, if zero, the start time. Errors of all writing methods: kConfig
  /// (a newer layout, permission, disk full), kTransient (busy too long). A caller may log them and go on.
  virtual Status Begin(RunRecord run) = 0;
  /// Adds or replaces what became of one table in a run that has begun.
  virtual Status RecordTable(const std::string& run_id, const TableRecord& table) = 0;
  virtual Status Finish(const std::string& run_id, RunState state, int32_t exit_code) = 0;

  /// Newest first, without tables.
  virtual Result<std::vector<RunRecord>> Runs(const RunFilter& filter = {}) = 0;
  /// One run with its tables. `run_id`: the whole id, a unique beginning of at least four characters, or "last".
  /// Errors: kConfig E0751 naming the newest runs.
  virtual Result<RunRecord> FindRun(std::string_view run_id) = 0;
  /// The newest `limit` records of the table with that name and identifier in that lake, newest first; those of
  /// running ones are left out. `key`: its pipeline, table and identifier are looked at.
  virtual Result<std::vector<TableRecord>> RecentTables(const std::string& lake, const TableRecord& key,
                                                        int64_t limit) = 0;
  /// The newest record of each table of the lake `lake` (RunRecord::lake; empty: of each lake), sorted: a table is told
  /// by pipeline, name and identifier, so the environments of a project do not hide each other's.
  virtual Result<std::vector<TableStatus>> LatestTables(const std::string& lake = {}) = 0;

  /// The cursor cache: the last committed position of a stream, as JSON, with the snapshot that holds it.
  struct Cursor {
    std::string position_json;
    std::optional<int64_t> snapshot_id;
    Timestamp updated;
  };
  virtual Status PutCursor(const std::string& stream, const Cursor& cursor) = 0;
  virtual Result<std::optional<Cursor>> GetCursor(const std::string& stream) = 0;
  virtual Status DropCursor(const std::string& stream) = 0;

  /// Keeps a file of a run ("log.jsonl") with its record, where the history is not on this machine; else does nothing.
  virtual Status KeepFile(const std::string& run_id, const std::string& name, std::string_view bytes) = 0;
  /// nullopt: there is none, or it lies on this machine.
  virtual Result<std::optional<std::string>> ReadFile(const std::string& run_id, const std::string& name) = 0;

  /// What happened to the database since the last call, for the person: "state.db was damaged …; begun anew".
  virtual std::vector<std::string> TakeWarnings() = 0;
};

}  // namespace firn::state
