#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "table/commit/retention.h"
#include "table/commit/stream_token.h"
#include "table/manifest/data_file.h"
#include "table/metadata/metadata.h"

/// Turns staged files into commits (docs/decisions/0003-commit-protocol.md). The only code that changes tables.
namespace firn::table {

/// What a stream finds when it is opened.
struct OpenedStream {
  std::optional<catalog::LoadedTable> table;  // nullopt: to be created by the first commit
  StateVersion version;                       // `from` of the next commit
  std::string state;                          // JSON text; empty if nothing was ever committed
  int64_t epoch = 1;                          // of all commits of this opening: the table's + 1
};

/// How a table that does not exist yet begins.
struct CreateTable {
  schema::Schema schema;  // with field ids: see AssignFreshIds in schema_update.h
  PartitionSpec spec;
  SortOrder sort_order;
  std::map<std::string, std::string> properties;  // over those of table/table_properties.h
  std::string location;                           // empty: Catalog::DefaultLocation
};

enum class WriteMode {
  kAppend,        // rows are added
  kOverwriteAll,  // everything live on the parent goes, the added files are the table (`replace`)
  kRowDelta,      // the removed files go, the added files hold what is left of them and the new rows (`merge`)
};

/// Files of a row delta as planned on one parent.
struct RowDelta {
  std::vector<DataFile> added;
  std::vector<std::string> removed;  // file_path of live data files of the parent, byte for byte
};

/// One table's share of a commit.
struct StagedTable {
  catalog::TableIdentifier identifier;
  /// The metadata this was planned on: OpenedStream::table, or CommittedTable::table of the commit before. Null with
  /// `create`.
  std::shared_ptr<const TableMetadata> base;
  std::optional<CreateTable> create;
  /// The table's schema from this commit on, if it changes: of EvolveSchema(*base, …). Else null.
  SchemaPtr new_schema;

  WriteMode mode = WriteMode::kAppend;
  std::vector<DataFile> added;       // durable (file and folder) before Commit is called
  std::vector<std::string> removed;  // kRowDelta
  /// kRowDelta, required there: plans again on another parent than `base`'s main. Called in the committing thread; its
  /// files must be durable. Files of the plan before that it does not use again are the committer's to remove.
  std::function<Result<RowDelta>(const catalog::LoadedTable& parent, std::stop_token stop)> replan;

  std::string stream_id;
  int64_t epoch = 0;
  StateVersion from;
  std::string state;  // JSON text of the state after this commit; its version is NextVersion(from, state)
  std::string run;    // id of the run; part of the name of every file it makes
  int64_t rows = 0;
  std::string content_hash;
  std::map<std::string, std::string> extra_summary;  // further entries of the snapshot's summary
};

struct CommittedTable {
  catalog::TableIdentifier identifier;
  catalog::LoadedTable table;  // `base` of the next commit
  SnapshotId snapshot_id;
  int64_t sequence_number = 0;
  StateVersion version;  // `from` of the next commit
  int64_t added_rows = 0;
  int64_t added_files = 0;
  int64_t removed_rows = 0;
  int64_t removed_files = 0;
};

struct CommitterOptions {
  int attempts_max = 20;         // swaps tried per commit
  int64_t backoff_base_ms = 50;  // full jitter
  int64_t backoff_delay_ms_max = 5'000;
  int64_t total_ms = 300'000;     // of all attempts and of looking for an unknown outcome
  int manifests_merge_min = 100;  // that many data manifests of one size class are merged into one
  RetentionOptions retention;
  std::string engine_version;  // "engine-version" of the summary
};

/// Thread-safe; commits of distinct groups may run in parallel. Keeps the manifests lists of the tables it commits to
/// in memory, so that a commit costs the same whatever the age of the table.
class Committer {
 public:
  static std::unique_ptr<Committer> Make(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock,
                                         CommitterOptions options);
  virtual ~Committer() = default;

  /// Loads the table and the stream's state. Errors: kConfig "needs decision" (rolled back, state lost; nothing was
  /// changed); those of Catalog::LoadTable.
  virtual Result<OpenedStream> OpenStream(const catalog::TableIdentifier& identifier, const std::string& stream_id) = 0;

  /// Commits all tables or none; the namespaces are created if missing. Results in the order of `tables`. An already
  /// committed group (a retry after an unknown outcome) is a success. Blocks until answered, within options.total_ms.
  /// Errors, always with a state in the context:
  ///   kConflict        fenced or overtaken by another run, nothing was committed, own files were removed: run again
  ///   kConfig          needs decision; schema or files that do not fit the table
  ///   kOutcomeUnknown  not answered in time; nothing was removed, the next run finds out
  ///   kUnreachable     attempts or time used up, nothing was committed
  ///   kTransient, kCancelled   nothing was committed
  virtual Result<std::vector<CommittedTable>> Commit(std::span<const StagedTable> tables, std::stop_token stop) = 0;

  /// Puts a stream to another state, as a commit of its own, whatever the table says (`firn state set|reset|accept`).
  /// `state` empty: as if nothing had been read. Ends a "needs decision".
  virtual Result<CommittedTable> ForceState(const catalog::TableIdentifier& identifier, const std::string& stream_id,
                                            const std::string& state, const std::string& run, std::stop_token stop) = 0;
};

}  // namespace firn::table
