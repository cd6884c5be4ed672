#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "format/json/mask.h"
#include "format/json/page.h"
#include "format/json/report.h"
#include "schema/type.h"

/// Types JSON rows into Arrow record batches of one table (docs/ARCHITECTURE.md §2).
namespace firn::format::json {

/// What to do with a key (columns) or value (types) that the schema has no place for (schema_contract).
enum class ContractMode {
  kEvolve,        // add the column; promote, else the typed sibling column
  kFreeze,        // stop the table: error kContract
  kDiscardRow,    // quarantine the row
  kDiscardValue,  // null, counted
};

struct Contract {
  ContractMode columns = ContractMode::kEvolve;
  ContractMode types = ContractMode::kEvolve;
};

/// A declared column. `path`: source keys joined by dots.
struct ColumnHint {
  std::string path;
  schema::TypePtr type;  // null: not declared. A declared number also takes a string that holds that number.
  bool as_json = false;  // one column of JSON text, whatever the value
  bool as_map = false;   // an object used as a map<string, type of its values>
  std::string format;    // of times: "iso" (default), "epoch_s", "epoch_ms", "epoch_us", "dotnet" or a strptime pattern
  std::string timezone;  // "+02:00" or an IANA name: of timestamptz text without offset
  /// Only what the source's own schema says: a primitive type that a column gets where its values leave one open (none
  /// was seen; whole numbers of a double; texts that all look like times). Values always win.
  bool is_expected = false;
};

/// `key`: of the row. `value`: as an Arrow array holds it, native and of fixed width (a boolean one byte), or text.
struct ColumnDefault {
  std::string key;
  std::string value;
};

struct TableReaderOptions {
  /// The schema of the existing table, with its sibling columns; nullopt: a new table, types are inferred.
  /// Sibling columns and renamed keys are known by Field::doc ("firn:sibling key=total", "firn:json"), else by name.
  std::optional<schema::Schema> known;
  std::vector<ColumnHint> hints;
  std::vector<MaskRule> masks;
  Contract contract;
  /// Top-level keys of a merge. Of a table whose types are decided, a row with a value of another type there is
  /// quarantined: the merge would refuse it, so that a sibling column would stay empty.
  std::vector<std::string> key_columns;
  /// What rows without the key have in its column; a key that is null is null. Of columns that are `known` or declared.
  std::vector<ColumnDefault> defaults;
  OnBadRecord on_bad = OnBadRecord::kCollect;
  /// A new table's types are fixed over this many bytes of record text (the record that reaches it included).
  int64_t prefix_bytes = 64LL << 20;
  /// Nor are they of more rows than this holds until then: their text and, of every row and cell, where it stands
  /// (PrefixBytesHeld). Short rows reach it first.
  int64_t prefix_held_bytes = 128LL << 20;
  /// True: rows of the prefix are given before it ends, typed by a guess from its first rows. Should a later row of the
  /// prefix prove the guess wrong, all rows come again: see DecodedRows::restart.
  bool may_restart = false;
  int64_t guess_bytes = 256 << 10;  // of record text that the first guess is made from
  int32_t max_leaves = 10'000;
  bool infer_dates = true;            // strings that are all "2024-01-31" become date
  bool infer_timestamps = true;       // strings that are all RFC 3339 become timestamptz (without offset: timestamp)
  int num_threads = 1;                // decoding threads, the caller's included
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

/// A row that did not become part of the batch. `text` is the masked JSON text, or the structure-only excerpt if the
/// row is no valid JSON (then `parsable` is false).
struct QuarantinedRow {
  uint64_t ordinal = 0;      // row number since the reader was opened, from 0
  uint32_t page_record = 0;  // number of the record in its page
  int64_t byte_offset = 0;   // of the record in its body
  std::string reason;
  std::string path;  // source path of the value that did not fit, may be empty
  std::string text;
  bool parsable = false;
};

struct RowCounters {
  int64_t rows = 0;  // in the batch
  int64_t quarantined = 0;
  int64_t duplicate_keys = 0;    // last one won
  int64_t sibling_values = 0;    // values that went to a sibling column
  int64_t discarded_values = 0;  // by contract
  int64_t deferred_values = 0;   // [] of unknown element type
};

/// The rows of one Push, in input order.
struct DecodedRows {
  /// True: forget everything popped before. This is the first push once more, and all after it follow. Only with
  /// may_restart; in_prefix() was true at every pop before.
  bool restart = false;
  std::shared_ptr<arrow::RecordBatch> batch;     // may have 0 rows
  std::shared_ptr<const schema::Schema> schema;  // of the batch; new fields have id 0. Same pointer until it changes
  uint64_t tag = 0;
  std::vector<uint32_t> rows;  // page records that made it into the batch, ascending
  std::vector<QuarantinedRow> quarantined;
  RowCounters counters;
};

/// What a row of `text_bytes` costs while the types of its table are not decided. `num_cells`: 0 of JSON. A function of
/// the row alone, so that pages change no schema.
constexpr int64_t PrefixBytesHeld(int64_t text_bytes, size_t num_cells) {
  // Its line end, place, number in the page (twice: rows of files know theirs) and line.
  constexpr size_t kRow = 1 + 2 * sizeof(uint32_t) + 2 * sizeof(uint32_t) + sizeof(int64_t);
  return text_bytes + static_cast<int64_t>(kRow + (num_cells == 0 ? 0 : (num_cells + 1) * sizeof(uint32_t)));
}

/// Stateful per table. Used by one thread; it has num_threads - 1 threads of its own, joined by the destructor.
///
/// The result is a function of the sequence of rows alone: batches, chunk sizes and threads change neither the final
/// schema nor a row (a property test holds this). Over the prefix of a new table types are decided once from all its
/// rows; after it, row by row: a value that fits no column of its key is promoted (int→long, float→double, decimal
/// precision up), else a typed sibling column is added; a new key gets the type of its first non-null value.
class TableReader {
 public:
  /// Errors: kConfig for hints or masks that cannot be.
  static Result<std::unique_ptr<TableReader>> Open(TableReaderOptions options);
  virtual ~TableReader() = default;

  /// Adds the records `rows` (ascending) of `page`. Holds a share of the page until its result is popped.
  /// Never blocks; the caller bounds what is in flight by popping after each push and by bytes_held().
  virtual Status Push(std::shared_ptr<const Page> page, std::vector<uint32_t> rows, uint64_t tag) = 0;
  /// Counts what the caller holds beside the rows that are pushed next, until types are decided: of each of many small
  /// inputs. A function of the rows alone, like PrefixBytesHeld.
  virtual void Hold(int64_t num_bytes) = 0;
  /// Ends the input: the types of a shorter prefix are decided now.
  virtual Status Finish() = 0;
  /// Returns the result of the oldest push that is not yet popped, or nullopt if more input is wanted first (prefix
  /// not complete, or fewer than 2 x num_threads pushes are waiting for several threads); after Finish nullopt is the
  /// end. Exactly one result per push, in order, but for restarts. Errors: kContract (frozen schema; path and shape in
  /// the message), kBadData (on_bad kFail), kBug. After an error the reader is of no more use.
  virtual Result<std::optional<DecodedRows>> Pop() = 0;

  /// Bytes of pages held (prefix or in flight). Decoded batches are charged to the pool.
  virtual int64_t bytes_held() const = 0;
  /// True while the types of a new table are not yet decided for good, or rows popped before are to come again.
  virtual bool in_prefix() const = 0;
  /// What inference chose; complete once in_prefix() is false.
  virtual const InferenceReport& report() const = 0;
  /// The schema after the last popped row (at the end: of the table); null before the types are decided or guessed.
  virtual std::shared_ptr<const schema::Schema> schema() const = 0;
};

}  // namespace firn::format::json
