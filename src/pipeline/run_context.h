#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory_budget.h"
#include "config/project.h"
#include "pipeline/table_selection.h"
#include "source/excerpt.h"

namespace firn::catalog {
class Catalog;
}
namespace firn::io {
class ConditionalStore;
class FileStore;
class HttpClient;
struct ObjectStoreSettings;
}  // namespace firn::io
namespace firn::source {
class SourceRegistry;
}
namespace firn::state {
class Leases;
class RunHistory;
class SecretDocuments;
}  // namespace firn::state
namespace firn::table {
class Committer;
}

namespace firn::pipeline {

class LineageEmitter;
class QuarantineStaging;
class RunProgress;

/// In the id of a stream: what follows it says which worker of a backfill it is (backfill.h).
inline constexpr char kBackfillMark[] = "#backfill-";

/// A run that is one slice of a backfill.
struct BackfillSlice {
  std::string stream_suffix;  // its streams are others than the live ones
  std::string state;          // of the group's first table once the slice is committed
};

/// What a rederive reads.
struct RederivedRuns {
  std::string first;             // id of the first run
  std::set<std::string> others;  // ids of later ones that it does not read
};

/// How a run that is repeated by itself was loaded (ArchiveMark).
struct ReplayedLoad {
  bool listed = false;
  bool pass = false;
  std::optional<int64_t> window_ms;  // of `pass`; nullopt: all
};

struct RunOptions {
  TableSelection selection;
  bool full_refresh = false;              // read everything anew and publish it in one overwrite
  bool reconcile = false;                 // passes are due now, whatever the last one was
  std::optional<std::string> from;        // replaces the incremental start of this run; the live position does not move
  std::optional<std::string> to;          // replaces the incremental end of this run; the same
  std::optional<BackfillSlice> backfill;  // with from and to
  bool may_repeat_rows = false;           // --from and --to on an append table: its rows may be taken twice
  bool may_delete_many = false;           // `deletes: missing` and full_refresh may delete most of the table
  bool keep_position = false;             // the live position does not move, whatever is read (rederive)
  std::optional<RederivedRuns> rederives;  // of these runs, rows in the quarantine give way to what is found now
  std::optional<ReplayedLoad> replays;     // with keep_position
  std::string branch;                      // loads go there; empty: where each table says
  std::optional<int64_t> max_rows;         // per table; the live position does not move past what was read whole
  source::Excerpt excerpt;                 // of APIs; for lakes that are thrown away, as positions count it as all
  int threads = 2;                         // per run: decoding and encoding
  int groups_in_parallel = 2;
  std::string command = "run";  // for the history
  bool tunes = false;           // settings may be other than written (tuner.h)
};

/// What a run works with. All borrowed, all longer-lived than the run, all thread-safe.
struct RunContext {
  const config::Project& project;
  const Clock& clock;
  const source::SourceRegistry& sources;
  io::FileStore& files;
  catalog::Catalog& catalog;
  table::Committer& committer;
  io::HttpClient& http;
  state::RunHistory* history;  // null: none is kept
  MemoryBudget& budget;
  arrow::MemoryPool* pool;
  RunProgress& progress;
  RunOptions options;
  std::string run_id;
  Timestamp loaded_at;                              // of `_firn_loaded_at` in this run
  QuarantineStaging* quarantine_staging = nullptr;  // null: made for each group
  /// As source::Services::open_files; null: of sources that need none.
  std::function<std::shared_ptr<io::FileStore>(const io::ObjectStoreSettings&)> open_files;
  log::Session* log = nullptr;  // gets the run's log file; null: none is written
  /// Keep two runs of a pipeline apart; null: by locks in the state folder.
  state::Leases* leases = nullptr;
  /// Where exchanged refresh tokens are; null: files in the state folder.
  state::SecretDocuments* secrets = nullptr;
  /// Documents of a state that machines share; null: the state is on this machine.
  io::ConditionalStore* documents = nullptr;
  std::string secrets_folder;         // where they are without `secrets`; empty: in the state folder
  LineageEmitter* lineage = nullptr;  // null: nobody is told
};

}  // namespace firn::pipeline
