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
  int32_t format_version = 2;
};

enum class WriteMode {
  kAppend,        // rows are added
  kOverwriteAll,  // everything live on the parent goes, the added files are the table (`replace`)
  kRowDelta,      // the removed files go, the added ones hold what is left of them, new rows and deletes (`merge`)
  kRewrite,  // maintenance: the same rows in other files (`replace`), with new_schema in other columns, too. No stream;
             // all tokens are carried on unchanged
};

/// What a commit changes about how files are written from then on. What is so already is left alone.
struct LayoutChange {
  /// The default sort order. `order_id`: what files in `added` name (SortOrderIdOf). Not set: stays.
  std::optional<SortOrder> sort_order;
  std::map<std::string, std::string> properties;  // set
  std::vector<std::string> removed_properties;
};

/// The id that an order of these fields has in the table, or will get: 0 without fields.
int32_t SortOrderIdOf(const TableMetadata& metadata, const std::vector<SortField>& fields);

/// Files of a row delta as planned on one parent.
struct RowDelta {
  std::vector<DataFile> added;       // data and delete files
  std::vector<std::string> removed;  // FileKeyOf live data and delete files of the parent
};

/// One table's share of a commit.
struct StagedTable {
  catalog::TableIdentifier identifier;
  /// The metadata this was planned on: OpenedStream::table, or CommittedTable::table of the commit before. Null with
  /// `create`.
  std::shared_ptr<const TableMetadata> base;
  std::optional<CreateTable> create;
  /// Format version from this commit on; an older table is upgraded, with all rows getting ids. 0: the table's. Delete
  /// files in `added` must be those of that version. Errors: kConfig if the table is newer. Not for kRewrite.
  int32_t format_version = 0;
  /// The table's schema from this commit on, if it changes: of EvolveSchema(*base, …). Else null.
  SchemaPtr new_schema;
  /// The partition spec from this commit on, if it changes: of EvolveSpec(…). Files in `added` may be of it.
  std::optional<PartitionSpec> new_spec;
  std::map<std::string, std::string> set_properties;  // with new_schema: what ChangeSchema wants to be remembered
  LayoutChange layout;                                // of a table that exists

  /// The branch that moves. Another than main begins where main is, keeps its own chain of tokens, and leaves the
  /// mirrors and the retention to the commit that publishes it. `base` is then a ViewOfBranch. Not for kRewrite.
  std::string branch = kMainBranch;
  WriteMode mode = WriteMode::kAppend;
  std::vector<DataFile> added;       // durable (file and folder) before Commit is called; delete files: kRowDelta
  std::vector<std::string> removed;  // kRowDelta, kRewrite
  /// kRewrite: all small manifests of a spec and content become few, their entries ordered by partition.
  bool merge_manifests = false;
  /// kRowDelta and kRewrite, required there: plans again on another parent than `base`'s main. Called in the committing
  /// thread; its files must be durable. Files of the plan before that it does not use again are the committer's to
  /// remove.
  std::function<Result<RowDelta>(const catalog::LoadedTable& parent, std::stop_token stop)> replan;

  std::string stream_id;  // with what follows up to `state`: not for kRewrite
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

/// What an expiry did.
struct Expiry {
  std::vector<SnapshotId> snapshots;
  int64_t files_removed = 0;  // 0 also if the outcome had to be looked for: then the files are left to orphan removal
};

struct CommitterOptions {
  int attempts_max = 20;         // swaps tried per commit
  int64_t backoff_base_ms = 50;  // full jitter
  int64_t backoff_delay_ms_max = 5'000;
  int64_t total_ms = 300'000;    // of all attempts and of looking for an unknown outcome
  int manifests_merge_min = 32;  // that many data manifests of one size class are merged into one
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
  Result<OpenedStream> OpenStream(const catalog::TableIdentifier& identifier, const std::string& stream_id) {
    return OpenStreamOn(kMainBranch, identifier, stream_id);
  }
  /// The same for a stream that writes `branch`: the table is the branch's view (branch_view.h). Errors also: kConfig
  /// if the branch has diverged from main, and for main while loads wait to be published.
  virtual Result<OpenedStream> OpenStreamOn(const std::string& branch, const catalog::TableIdentifier& identifier,
                                            const std::string& stream_id) = 0;

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

  /// Expires the snapshots that `retention` chooses, as a commit of its own, and removes the files that only they
  /// refer to. Heads of refs stay. Errors: kConfig if there is no such table; as Commit.
  virtual Result<Expiry> Expire(const catalog::TableIdentifier& identifier, const RetentionOptions& retention,
                                std::stop_token stop) = 0;
};

}  // namespace firn::table
