#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "schema/type.h"

namespace firn::format::json {
class Page;
}
namespace firn::io {
class RawArchiveWriter;
}

/// The contract between firn and everything it reads from (DESIGN.md §2). A source never commits and never decides
/// what is durable; it says where each piece of reading can resume, and is told what has been committed.
namespace firn::source {

/// Where a split can resume: JSON text, opaque to everyone but its source. Empty: from the beginning.
struct Position {
  std::string json;
  friend bool operator==(const Position&, const Position&) = default;
};

enum class Resumability {
  kStable,    // a batch's position may be committed as soon as its rows are (keyset, monotone cursor, log position)
  kUnstable,  // nothing of the split may be committed before its end (page numbers, expiring tokens, child requests)
};

/// A serialisable piece of reading. `id` is stable between runs: it is the key of the position in the stream's state.
struct Split {
  std::string id;
  std::string json;  // what to read; opaque to everyone but its source
  Resumability resumability = Resumability::kUnstable;
  Position from;  // where reading starts
};

/// A row that cannot be taken as it is: it is quarantined, or the table fails with `why` (kBadData, which does not hold
/// its values). `row`: page record.
struct UndecidedRow {
  uint32_t row = 0;
  Status why;
};

/// Rows as JSON text whose types are still to be decided; the pipeline's decode stage types them (format/json).
/// `rows`: indexes of the page's records that belong to the batch, ascending; records not named are boundary rows that
/// an earlier read already gave.
/// `deleted`: those of `rows` that are tombstones (`delete_when`), ascending.
/// `undecided`: those of which `delete_when` says neither true nor false, or whose cursor has no order among the
/// others, ascending. `constants`: columns that every row of the batch gains (fields included from the parent row):
/// name → JSON text, each name once. They are new columns of the row, beside those of the record; a record's own field
/// of that name loses. So are `copies`: columns that take what lies inside the record, name → number of the page's
/// capture.
struct JsonRows {
  std::shared_ptr<const format::json::Page> page;
  std::vector<uint32_t> rows;
  std::vector<uint32_t> deleted;
  std::vector<UndecidedRow> undecided;
  std::vector<std::pair<std::string, std::string>> constants;
  std::vector<std::pair<std::string, size_t>> copies;
};

/// Where rows of a file come from, for the columns _file, _line and _modified. Immutable; shared.
struct RowOrigin {
  std::string file;
  int64_t modified_micros = 0;  // since 1970; 0: not known
  std::vector<uint32_t> rows;   // page records, ascending; empty: the rows of the batch
  std::vector<int64_t> lines;   // of each of them, or of the rows of the batch, from 1

  int64_t LineOf(uint32_t row) const;  // of a page record, or a row of the batch
};

/// 1 row to 64 MiB of one table (a single larger row alone). Arrow rows may carry the reserved columns _op, _sequence,
/// _unchanged, _old_key.
struct Batch {
  std::variant<JsonRows, std::shared_ptr<arrow::RecordBatch>> rows;
  /// Where the split resumes once these rows and all before them are committed; nullopt where reading cannot resume (in
  /// the middle of an unstable or unordered slice): then nothing after the last position may be committed yet.
  std::optional<Position> position;
  int64_t num_bytes = 0;                         // of the source, for progress
  std::shared_ptr<const RowOrigin> origin = {};  // of rows of files
};
/// The source changed its declared schema. Types reach the table through contracts, like any other evolution.
struct SchemaChange {
  schema::Schema schema;
};
/// All rows read before are gone at the source.
struct Truncate {};
/// End of a source transaction; a commit may only happen here when the source has transactions.
struct TransactionEnd {
  Position position;
};
/// Nothing to write, but reading got further (an idle source's heartbeat, the end of a slice).
struct Progress {
  Position position;
};
/// All rows of one parent row have been given, maybe none: children of it that were not among them are gone. Not sent
/// for a parent row whose request was refused. `constants`: as in JsonRows.
struct ParentRead {
  std::vector<std::pair<std::string, std::string>> constants;
};
using Event = std::variant<Batch, SchemaChange, Truncate, TransactionEnd, Progress, ParentRead>;

/// Reads one split from start to end. Used by one thread; distinct readers of a source run in parallel.
class SplitReader {
 public:
  virtual ~SplitReader() = default;
  /// Returns the next event, or nullopt at the end of the split; not called again after that or after an error.
  /// Errors: kTransient and kUnreachable (the split may be reopened at the last position), kThrottled, kAuth,
  /// kConfig, kBadData (the body as a whole cannot be read), kCancelled when stopped.
  virtual Result<std::optional<Event>> Next(std::stop_token stop) = 0;
};

/// The rows of a parent table that one run read, as JSON objects of the fields its children need, in reading order.
/// Spilled to disk by the pipeline; read once per child table.
class ParentRows {
 public:
  virtual ~ParentRows() = default;
  /// Returns the next parent row as JSON text, or nullopt at the end.
  virtual Result<std::optional<std::string>> Next(std::stop_token stop) = 0;
};

/// A pass that reads again what lies before the saved positions, too. They still only move forward.
struct Reread {
  std::optional<int64_t> window_ms;  // only rows whose cursor is not older than now minus so much; nullopt: all
};

/// What the pipeline asks of one table in one run.
struct ReadRequest {
  std::string table;
  /// Positions of the last commit by split id (the stream's state); empty on the first run or a full refresh.
  std::vector<std::pair<std::string, Position>> state;
  std::optional<std::string> from;  // --from / --to: replace the incremental start and end for this run
  std::optional<std::string> to;
  std::optional<Reread> reread;         // without from and to
  std::unique_ptr<ParentRows> parents;  // null unless the table has a parent
  /// Gets every response body before its rows are yielded; null: nothing is archived. Borrowed. The pipeline calls Sync
  /// before the commit.
  io::RawArchiveWriter* archive = nullptr;
};

/// What a table's declaration promises; data, not virtual methods (STYLE.md §6).
struct TableTraits {
  std::vector<std::string> primary_key;    // source paths; empty: none
  std::optional<std::string> cursor;       // source path of the incremental cursor
  std::optional<std::string> parent;       // name of the parent table
  std::vector<std::string> parent_fields;  // what its children need of each row of this table
  Resumability resumability = Resumability::kUnstable;
  std::string guarantee_note;  // why one read may miss rows or give them twice; empty if it cannot
  std::string why_once;        // of sources that know what was read without a cursor: why no row comes twice
};

/// What a source's own schema says of a column: a primitive type.
struct DeclaredColumn {
  std::string path;  // source path
  schema::TypePtr type;
};

/// Counts what happened on the wire, for run history and progress. Thread-safe reads.
struct ReadStats {
  int64_t num_requests = 0;
  int64_t num_throttled = 0;  // 429 and 503 with Retry-After
  int64_t num_retries = 0;
  int64_t waited_ms = 0;
  int64_t body_bytes = 0;
  int64_t num_empty = 0;       // requests whose answer means "no rows" (a child's 404, a rule of the project)
  int64_t num_skipped = 0;     // splits and parent rows that were read no further, by a rule of the project
  int64_t num_known_rows = 0;  // boundary rows that an earlier read already gave; num_older_rows among them
  // Rows that came though they were not asked for, and were left out: before the saved position, where earlier runs
  // have read; at or after the upper bound (--to, lag), where a later run will.
  int64_t num_older_rows = 0;
  int64_t num_later_rows = 0;
  int64_t num_files = 0;           // read to their end, or known
  std::vector<std::string> notes;  // for people, a bounded number: what was left out, and why
  std::string records_found;  // what `records: auto` chose; "." the body as a whole; empty: nothing yet, or declared
};

/// One configured source. Built without I/O (STYLE.md §6). Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::vector<std::string> tables() const = 0;
  virtual Result<TableTraits> Traits(const std::string& table) const = 0;
  /// Returns the columns that a new table gets types for where its first rows leave them open. May do I/O.
  virtual Result<std::vector<DeclaredColumn>> DeclaredColumns(const std::string& /*table*/) {
    return std::vector<DeclaredColumn>();
  }
  /// Returns the splits of a table for this run, in reading order. May do I/O.
  virtual Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token stop) = 0;
  /// Opens one split. `request` outlives the reader; `request.parents` is consumed by the reader.
  virtual Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) = 0;
  /// Called after the commit that holds all rows up to `position` is confirmed. May be called twice with the same one.
  virtual Status Acknowledge(const std::string& table, const Split& split, const Position& position) = 0;
  virtual ReadStats stats(const std::string& table) const = 0;
};

}  // namespace firn::source
