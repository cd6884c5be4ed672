#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_annotations.h"
#include "config/project.h"
#include "io/raw_archive.h"
#include "io/raw_cipher.h"
#include "pipeline/archive_mark.h"
#include "pipeline/run_context.h"
#include "pipeline/side_table.h"
#include "schema/type.h"
#include "table/commit/committer.h"

/// `raw: table`: response bodies as rows of `<table>__raw`, committed with the rows that came of them
/// (docs/decisions/0010-raw-zone.md).
namespace firn::pipeline {

/// In the id of a raw table's stream, after that of its table.
inline constexpr char kRawStreamMark[] = "#raw";

/// Columns of a raw table, beside the run columns. A sealed row has its entry, as a sealed segment has it, in `body`,
/// as base64; request, split and context are null then.
namespace raw_column {
inline constexpr char kOrdinal[] = "ordinal";  // long: counts the pages of a run from 0; null: no page, but a mark
inline constexpr char kMethod[] = "method";
inline constexpr char kRequest[] = "request";         // redacted
inline constexpr char kStatus[] = "status";           // int
inline constexpr char kReceivedAt[] = "received_at";  // timestamptz
inline constexpr char kSplit[] = "split";             // id of the split that asked
inline constexpr char kContext[] = "context";         // JSON: what is needed to read the body again
inline constexpr char kBody[] = "body";               // JSON text
inline constexpr char kBodyBytes[] = "body_bytes";    // long: of the body as received
inline constexpr char kSeal[] = "seal";               // JSON: the head of a sealed segment; null: the row is plain
inline constexpr char kMark[] = "mark";  // JSON of an ArchiveMark, on the last row of each commit; else null
}  // namespace raw_column

/// `<table>__raw` in the table's namespace.
catalog::TableIdentifier RawTableOf(const config::PipelineConfig& pipeline, const config::TableConfig& table);
/// What its rows are sealed for, as the place of an archive.
io::RawArchivePlace RawTablePlace(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                                  const std::string& run);
/// Where rows of a raw table may be sealed for: `place`, and the same by the names that pipeline and table had when
/// other streams wrote to it, which a rename leaves in its properties.
std::vector<io::RawArchivePlace> SealedPlaces(const table::TableMetadata& metadata, const io::RawArchivePlace& place);
/// Errors: kConfig E0992 for a table that is not one firn made for bodies.
Status CheckIsRawTable(const catalog::TableIdentifier& identifier, const table::TableMetadata& metadata);
/// Judges whether bodies can go to the raw table, there or not. Errors: kConfig E0991 if the catalog cannot commit two
/// tables at once; E0992.
Status CheckTakesBodies(const RunContext& context, const config::PipelineConfig& pipeline,
                        const config::TableConfig& table);

/// The raw table as a side table of a run. `suffix`: of the stream of a backfill's slice, else empty.
SideTable::Identity RawTableIdentity(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                                     const std::string& suffix);

struct SealedRun {
  std::string run;
  io::RawSeal seal;
};
/// What the newest run of a raw table was sealed with, by the states of its streams; nullopt: it has no rows. Errors:
/// of reading.
Result<std::optional<SealedRun>> NewestRawTableSeal(const RunContext& context, const config::PipelineConfig& pipeline,
                                                    const config::TableConfig& table);

/// Takes the bodies of one table in one run. Append as of every archive; the rest is for the thread of the load.
class RawTableWriter : public io::RawArchiveWriter {
 public:
  /// Everything but `keys` is borrowed. Errors: of CheckTakesBodies.
  static Result<std::unique_ptr<RawTableWriter>> Open(const RunContext& context, const config::PipelineConfig& pipeline,
                                                      const config::TableConfig& table, const std::string& suffix,
                                                      const io::RawKeys& keys);
  ~RawTableWriter() override;

  Result<int64_t> Append(io::RawEntry entry) override;
  /// Does nothing: bodies are durable when Stage returns.
  Status Sync() override { return Status::OK(); }
  int64_t num_entries() override;

  /// From now on entries wait in memory for Release: commits may come in the middle of the reading. Before Append.
  void HoldBack();
  /// Of the first `entries` entries all rows were written: they may leave the memory.
  Status Release(int64_t entries);
  /// The share of a commit that has the rows of the first `entries` entries, and no others. `mark`: run, entries, key
  /// and code are filled in.
  Result<std::optional<table::StagedTable>> Stage(int64_t entries, ArchiveMark mark, std::stop_token stop);
  /// True if there are bodies that belong to no commit: those of answers that changed nothing.
  bool has_unstaged();
  /// Says that what was not staged, or not committed, is left for the next run to remove.
  void Abandon();

 private:
  RawTableWriter(const RunContext& context, SideTable::Identity identity, const io::RawKeys& keys);
  Status WriteUpTo(int64_t entries) FIRN_REQUIRES(mutex_);
  Status AddRow(const io::RawEntry* entry, const std::string& mark) FIRN_REQUIRES(mutex_);
  Status AddSealed(const io::RawEntry& entry) FIRN_REQUIRES(mutex_);
  Status AddPlain(const io::RawEntry& entry) FIRN_REQUIRES(mutex_);
  Status Flush() FIRN_REQUIRES(mutex_);

  const RunContext& context_;
  const std::optional<io::RawKey> key_;  // nullopt: rows are plain
  std::optional<io::RawCipher> cipher_;  // of key_
  Mutex mutex_;                          // orders one stream of rows, so they are written under it
  SideTable side_ FIRN_GUARDED_BY(mutex_);
  struct Rows;
  std::unique_ptr<Rows> rows_ FIRN_GUARDED_BY(mutex_);
  std::deque<io::RawEntry> waiting_ FIRN_GUARDED_BY(mutex_);  // the newest always: it may get a mark
  bool holds_ FIRN_GUARDED_BY(mutex_) = false;
  int64_t next_ordinal_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t num_rows_ FIRN_GUARDED_BY(mutex_) = 0;  // since the last Stage
};

}  // namespace firn::pipeline
