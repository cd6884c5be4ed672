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
#include "pipeline/column_binding.h"
#include "pipeline/parent_spill.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"
#include "pipeline/stream_document.h"
#include "pipeline/table_sink.h"
#include "source/source.h"
#include "table/commit/committer.h"
#include "table/commit/garbage.h"

namespace firn::pipeline {

/// One table of one run: read, typed, written to files, staged. It never commits; its group does. Used by one thread.
/// Order of calls: Open, Read, then Stage and Committed as often as there are commits.
class TableLoad {
 public:
  /// Everything is borrowed and outlives the load.
  TableLoad(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
            source::Source& source, Quarantine& quarantine, TableProgress& progress);
  ~TableLoad();

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

  /// True if what was written may be committed although reading did not end: a stable append whose last row a position
  /// covers.
  bool progress_is_safe() const;
  /// Ends decoding and writing and returns this table's share of a commit, nullopt if there is nothing to say.
  /// `at_end`: reading ended well.
  Result<std::optional<table::StagedTable>> Stage(bool at_end, std::stop_token stop);
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
    std::vector<uint32_t> deleted;  // page records
    int64_t num_bytes = 0;
  };

  Status OnEvent(const source::Split& split, source::Event event, const ReadOptions& options);
  Status OnBatch(const source::Split& split, source::Batch batch, const ReadOptions& options);
  Status OnPosition(const std::string& split, source::Position position);
  Status SpillParents(const source::JsonRows& rows, ParentSpill* spill);
  bool LimitRows(source::JsonRows* rows);
  Status Drain(const ReadOptions& options);
  Status Consume(format::json::DecodedRows rows);
  Status MaybeCheckpoint(const ReadOptions& options);
  std::string location() const;
  void CollectLeftovers();
  Status OpenSink();
  Status OpenArchive();
  Status MarkArchived();
  Result<table::PartitionSpec> NewSpec() const;
  Status CheckMayPublish(int64_t num_rows) const;
  Result<std::optional<table::StagedTable>> StageTable(bool at_end, std::stop_token stop);
  void AddWarnings();
  bool replaces_all() const;

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
  std::string state_hash_before_;                     // of the stream's state when the run began
  StreamDocument before_;                             // positions of the last commit
  StreamDocument document_;                           // positions of what was written
  std::vector<source::Split> splits_;
  std::unique_ptr<format::json::TableReader> reader_;
  std::unique_ptr<io::RawArchiveWriter> archive_;  // null: raw is off
  std::unique_ptr<ColumnBinding> binding_;
  std::shared_ptr<const schema::Schema> bound_;
  std::optional<table::StagingRecord> staging_;  // while this run has files in the table's folder
  std::unique_ptr<TableSink> sink_;
  std::deque<InFlight> in_flight_;
  uint64_t next_tag_ = 0;
  bool limited_ = false;  // --max-rows ended the reading
  bool finished_ = false;
  int64_t rows_since_commit_ = 0;
  int64_t rows_past_position_ = 0;  // written, but after the last position: they may not be committed before the next
  int64_t bytes_since_commit_ = 0;
  std::chrono::steady_clock::time_point last_commit_;
  std::chrono::steady_clock::time_point started_;
  SinkResult staged_;
  TableResult result_;
};

}  // namespace firn::pipeline
