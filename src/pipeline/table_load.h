#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/project.h"
#include "format/json/table_reader.h"
#include "io/raw_archive.h"
#include "pipeline/arrow_fitting.h"
#include "pipeline/column_binding.h"
#include "pipeline/configured_schema.h"
#include "pipeline/file_columns.h"
#include "pipeline/merge_rules.h"
#include "pipeline/newest_time.h"
#include "pipeline/parent_spill.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "pipeline/raw_table.h"
#include "pipeline/reader_options.h"
#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "pipeline/run_result.h"
#include "pipeline/stream_document.h"
#include "pipeline/table_layout.h"
#include "pipeline/table_sink.h"
#include "source/source.h"
#include "table/commit/committer.h"
#include "table/commit/garbage.h"
#include "table/commit/schema_update.h"

namespace firn::pipeline {

/// One table of one run: read, typed, written to files, staged. It never commits; its group does. Used by one thread.
/// Order of calls: Open, Read, then Stage and Committed as often as there are commits.
class TableLoad {
 public:
  /// Everything is borrowed and outlives the load.
  TableLoad(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
            source::Source& source, Quarantine& quarantine, TableProgress& progress);
  ~TableLoad();

  /// Before Open: `child` is told which rows of this table are gone, if that bears on its own. Borrowed; staged later.
  void AddDependant(TableLoad* child);

  /// Loads table and state and makes the decoder. Errors: kConfig when the stream needs a decision, or when the
  /// configuration no longer fits the positions.
  Status Open();

  struct ReadOptions {
    ParentSpill* parents = nullptr;   // rows of the parent, null unless the table has one
    ParentSpill* children = nullptr;  // gets the rows of this table, null unless it has children
    bool from_beginning = false;      // ignore the live positions
    /// Called where everything read so far may be committed; null: only the end is such a place.
    std::function<Status()> checkpoint;
  };
  /// Reads all splits. Errors: see source::SplitReader; kContract, kBadData of decoding. After an error the rows up to
  /// the last position may still be staged if progress_is_safe().
  Status Read(const ReadOptions& options, std::stop_token stop);

  /// After the source ended early (a stop, a failure): types and writes what it gave up to the last position. Does
  /// nothing while the types of a new table are not decided: they would depend on when the run was stopped.
  Status FinishInFlight();
  /// True if what was written may be committed although reading did not end: a stable append whose last row a position
  /// covers.
  bool progress_is_safe() const;
  /// Ends decoding and writing and returns this table's share of a commit, nullopt if there is nothing to say.
  /// `at_end`: reading ended well.
  Result<std::optional<table::StagedTable>> Stage(bool at_end, std::stop_token stop);
  /// The share of the raw table in the commit of `staged`, what Stage returned; nullopt: there is none.
  Result<std::optional<table::StagedTable>> StageBodies(const table::StagedTable& staged, bool at_end,
                                                        std::stop_token stop);
  /// Says that bodies that were written and not committed are left for the next run to remove.
  void AbandonBodies();
  /// Takes the answer to the last Stage, null if that had nothing to say, and acknowledges the source.
  Status Committed(const table::CommittedTable* committed);

  /// Ends a load whose group ended well: nothing it wrote is left without an owner.
  Status Close();

  /// True if the stream has committed before.
  bool has_history() const { return opened_.version.sequence > 0; }
  bool exists() const { return opened_.table.has_value(); }
  const config::TableConfig& table() const { return table_; }
  /// The result so far. `error` ok: completed.
  TableResult Outcome(const Status& error) const;
  TableProgress& progress() { return progress_; }

 private:
  struct InFlight {
    std::string split;
    std::optional<source::Position> position;
    std::vector<std::pair<std::string, source::Position>> later;  // of splits that got further without rows
    std::vector<uint32_t> deleted;                                // page records
    std::vector<format::json::QuarantinedRow> undecided;          // rows that the source could not take
    int64_t num_bytes = 0;
    bool names = false;  // no rows of the table, but keys of parents whose children were all given
    std::shared_ptr<const source::RowOrigin> origin;  // of rows of files
    int64_t num_bodies = 0;                           // that the last of its positions covers
  };

  Status OnEvent(const source::Split& split, source::Event event, const ReadOptions& options);
  Status OnBatch(const source::Split& split, source::Batch batch, const ReadOptions& options);
  Status OnArrow(const source::Split& split, std::shared_ptr<arrow::RecordBatch> rows, source::Batch batch,
                 const ReadOptions& options);
  Status OpenFitting();
  bool in_prefix() const;
  Status OnPosition(const std::string& split, source::Position position);
  Status SpillParents(const source::JsonRows& rows, ParentSpill* spill);
  bool LimitRows(source::JsonRows* rows);
  Status PushRows(const std::string& split, source::JsonRows rows, std::vector<format::json::QuarantinedRow> undecided,
                  source::Batch batch);
  Status Drain(const ReadOptions& options);
  Result<std::optional<format::json::DecodedRows>> PopDecoded();
  Status AddOrigin(const source::RowOrigin& origin, format::json::DecodedRows* rows);
  Status Consume(format::json::DecodedRows rows);
  void StartOver();
  Status Append(const InFlight& info, const std::shared_ptr<arrow::RecordBatch>& bound,
                const std::vector<uint32_t>& rows);
  Status QuarantineRows(const std::vector<format::json::QuarantinedRow>& rows);
  Status Reject(const RejectedRows& rejected);  // for their keys
  Status AddRejected(const RejectedRows& rejected);
  Status TypesAreDecided();
  Status CheckWindow() const;
  bool keeps_position() const;
  bool position_covers_rows() const;
  bool StaysWhereItWas() const;
  Status MaybeCheckpoint(const ReadOptions& options);
  bool EnoughForCommit() const;
  std::string location() const;
  void CollectLeftovers();
  Status Configure();
  std::unique_ptr<ColumnBinding> NewBinding() const;
  Status BindRows(const format::json::DecodedRows& rows);
  Status DropOutdated(const schema::Schema& decoded);
  Status ChooseSpec();
  void StageEvolution(table::StagedTable* out) const;
  Status OpenSink();
  Result<std::unique_ptr<TableSink>> MakeSink(table::TableWriterOptions options);
  Status OpenArchive();
  Status MarkArchived();
  ArchiveMark MarkOf(const std::string& state_hash) const;
  int64_t num_bodies() const;
  bool commits_midway() const;
  Status ReleaseBodies();
  Status CheckMayPublish(int64_t num_rows) const;
  Status CheckRefresh(std::stop_token stop) const;
  Status CheckRefreshedKeys(std::stop_token stop) const;
  Status CheckFewVanish(int64_t gone, int64_t before, const std::string& what) const;
  Result<std::optional<table::StagedTable>> StageTable(bool at_end, std::stop_token stop);
  void AddWarnings();
  bool replaces_all() const;
  bool replaces_partitions() const;
  bool reads_anew() const;
  bool merges() const;
  bool lists_all() const;
  std::string branch() const { return context_.options.branch.empty() ? BranchOf(table_) : context_.options.branch; }
  bool is_whole_listing() const;
  bool replaces_children() const;
  LoadKind kind() const;
  Result<table::RetireScope> Scope(const schema::Schema& schema);
  std::string WhyNotWhole() const;
  Status ApproveDeletions(const table::MergeCounts& counts) const;
  Status NameParent(const source::ParentRead& parent, const ReadOptions& options);
  Status PushNames();
  Status Name(const std::shared_ptr<arrow::RecordBatch>& batch);
  Status NameGone(const std::shared_ptr<arrow::RecordBatch>& keys);
  Status OpenWithoutRows();
  RowTypes row_types() const;

  const RunContext& context_;
  const config::PipelineConfig& pipeline_;
  const config::TableConfig& table_;
  source::Source& source_;
  Quarantine& quarantine_;
  TableProgress& progress_;
  const catalog::TableIdentifier identifier_;
  const std::string stream_id_;

  table::OpenedStream opened_;
  std::shared_ptr<const table::TableMetadata> base_;  // null: to be created
  ConfiguredSchema configured_;                       // of base_; its table is what rows are read and written for
  std::optional<table::SpecEvolution> spec_;          // of what the sink writes, where the table exists
  std::string state_hash_before_;                     // of the stream's state when the run began
  StreamDocument before_;                             // positions of the last commit
  StreamDocument document_;                           // positions of what was written
  std::vector<source::Split> splits_;
  std::optional<source::Reread> reread_;  // this run is a reconcile pass
  // Of replace_children: columns that say whose child a row is, with the paths of the parent's key.
  std::vector<std::pair<std::string, std::string>> relation_;
  std::vector<TableLoad*> dependants_;
  std::string names_;            // JSON of parents' keys that wait to be typed
  std::string why_not_deleted_;  // of a pass that may not delete what is missing
  bool decided_ = false;         // the sink has compared its rows
  bool all_stable_ = false;      // there are splits, and all of them are
  std::unique_ptr<format::json::TableReader> reader_;
  std::shared_ptr<const format::json::MaskTree> masks_;  // of reader_
  std::unique_ptr<io::RawArchiveWriter> archive_;        // null: raw is off
  RawTableWriter* bodies_ = nullptr;                     // archive_, of mode table
  int64_t bodies_covered_ = 0;                           // of `document_`
  int64_t bodies_covered_before_guess_ = 0;
  io::RawKeys raw_keys_;  // of archive_
  bool made_raw_key_ = false;
  int64_t archived_entries_ = 0;           // of archive_, durable before the last commit
  std::unique_ptr<ArrowFitting> fitting_;  // of rows that come typed; null: none did
  FileColumns file_columns_;
  std::unique_ptr<ColumnBinding> binding_;
  std::shared_ptr<const schema::Schema> bound_;
  std::optional<table::StagingRecord> staging_;  // while this run has files in the table's folder
  std::unique_ptr<TableSink> sink_;
  std::vector<RequiredColumn> required_;  // of the sink's table
  TableLayout layout_;                    // of the files of sink_
  format::json::RowCounters counters_;    // of the whole run
  std::deque<InFlight> in_flight_;
  // Of rows whose types are only guessed: they are written, but may all come again (DecodedRows::restart).
  std::vector<InFlight> guessed_;
  StreamDocument before_guess_;  // positions before the first of them
  std::vector<format::json::QuarantinedRow> guessed_quarantined_;
  std::vector<RejectedRows> guessed_rejected_;
  std::string held_file_;  // the last that the reader was told of
  uint64_t next_tag_ = 0;
  bool limited_ = false;  // --max-rows ended the reading
  bool finished_ = false;
  bool source_ended_early_ = false;
  int64_t rows_since_commit_ = 0;
  int64_t rows_past_position_ = 0;  // written, but after the last position: they may not be committed before the next
  int64_t bytes_since_commit_ = 0;
  std::chrono::steady_clock::time_point last_commit_;
  std::chrono::steady_clock::time_point started_;
  SinkResult staged_;
  NewestTime newest_;
  TableResult result_;
};

}  // namespace firn::pipeline
