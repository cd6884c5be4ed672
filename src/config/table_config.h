#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/source_config.h"

/// What one table reads and how it is written. Plain data; paths ("a.b") and names are those of the source.
namespace firn::config {

/// A value firn chose because the project does not say; `plan` shows it.
struct Choice {
  std::string field;  // "write_disposition"
  std::string value;  // "merge"
  std::string why;    // "primary_key is declared"
};

enum class WriteDisposition { kAppend, kReplace, kMerge };
enum class CursorFormat { kIso, kEpochSeconds, kEpochMillis, kPattern };
enum class CursorOrder { kAscending, kUnordered };

struct IncrementalConfig {
  std::string cursor;     // path in the record
  std::string param;      // query parameter of the lower bound; empty: {{ incremental.start }} is used in a template
  std::string end_param;  // query parameter of the upper bound, empty: none is sent
  CursorFormat format = CursorFormat::kIso;
  std::string pattern;             // kPattern: strftime text
  std::string timezone = "UTC";    // IANA name, for values without an offset
  std::string start;               // first lower bound, as written (date, RFC 3339 time, integer, or any text)
  std::optional<int64_t> step_ms;  // length of one request window; needs an end_param or a template
  int64_t lookback_ms = 0;         // subtracted from the last cursor value of a time cursor
  int64_t lag_ms = 0;              // the upper bound is now − lag
  CursorOrder order = CursorOrder::kUnordered;  // kAscending: the source returns rows by cursor
};

/// A partition field as written; the Iceberg transform of the same name.
struct PartitionConfig {
  enum class Transform { kIdentity, kBucket, kTruncate, kYear, kMonth, kDay, kHour };
  Transform transform = Transform::kIdentity;
  int32_t argument = 0;  // kBucket: number of buckets; kTruncate: width
  std::string column;    // source path
};

enum class WriteMask { kNone, kRedact, kNull, kSha256, kHmac, kIp };

struct ColumnConfig {
  std::string path;  // source path: "email", "customer.email"
  std::string type;  // canonical Iceberg name ("decimal(12, 2)"), "json" (keep as JSON text), "map", or empty: inferred
  std::string format;  // of timestamps and dates written as text or number: iso | epoch_s | epoch_ms | strftime pattern
  std::string timezone;                        // of values without an offset; makes the column timestamptz
  std::string pii;                             // class of personal data, empty: none
  WriteMask mask_on_write = WriteMask::kNone;  // irreversible, runs before anything else sees the value
};

enum class Contract { kEvolve, kFreeze, kDiscardRow, kDiscardValue };
struct SchemaContractConfig {
  Contract tables = Contract::kEvolve;   // a table that does not exist yet
  Contract columns = Contract::kEvolve;  // a column that does not exist yet
  Contract types = Contract::kEvolve;    // a value that does not fit its column
};

/// One request sequence per value; each value has its own position.
struct PartitionsConfig {
  std::string name;   // the value is {{ partition.<name> }} in templates
  std::string param;  // query parameter that carries it, empty: templates only
  std::vector<std::string> values;
};

struct RawConfig {
  enum class Mode { kOff, kArchive };
  Mode mode = Mode::kOff;
  std::string location;  // absolute local folder; default "<warehouse>-raw"
  int64_t retention_ms = int64_t{30} * 86'400'000;
};

enum class OnError { kFail, kQuarantine };

/// When files are rolled and commits made.
struct WriteLimitsConfig {
  int64_t batch_rows_max = 65'536;
  std::optional<int64_t> file_rows_max;
  int64_t file_bytes_max = int64_t{128} << 20;  // target size of a data file
  int64_t commit_bytes = int64_t{256} << 20;    // of source bytes; stable tables only
  int64_t commit_interval_ms = 60'000;          // stable tables only
};

struct TableConfig {
  std::string name;         // key under `tables:`, source name
  std::string config_path;  // "pipelines.shop.tables.orders", for Project::WhereIs

  // The request.
  std::string path;  // template; joined to base_url, or an absolute URL of the same host
  std::string method = "GET";
  NamedText params;  // added to the source's
  NamedText headers;
  std::string body_json;         // template: JSON text of the request body, empty: none
  std::string records = "auto";  // path to the rows, "auto", or "." for the whole body
  PaginateConfig paginate;
  std::optional<PartitionsConfig> partitions;
  std::string parent;             // table of the same pipeline, empty: none
  NamedText include;              // column of this table → "parent.<path>"
  bool replace_children = false;  // a changed parent row replaces all its children

  // What it means.
  std::vector<std::string> primary_key;  // source paths or included columns; empty: none
  std::optional<IncrementalConfig> incremental;
  WriteDisposition write_disposition = WriteDisposition::kReplace;  // derived if not written, see choices
  std::string delete_when;  // template over `record`; a true value deletes the row's key. Empty: never
  SchemaContractConfig schema_contract;
  std::vector<ColumnConfig> columns;
  OnError on_error = OnError::kFail;
  bool allow_empty = false;  // a replace may publish 0 rows over a non-empty table

  // How it is written.
  std::vector<PartitionConfig> partition_by;
  WriteLimitsConfig write;
  RawConfig raw;

  std::vector<Choice> choices;  // one per derived value

  /// Returns the declaration of exactly that source path, or null.
  const ColumnConfig* FindColumn(std::string_view column_path) const;
};

std::string_view ToString(WriteDisposition disposition);
std::string_view ToString(WriteMask mask);
std::string_view ToString(Contract contract);
std::string_view ToString(PaginateType type);
std::string ToString(const PartitionConfig& partition);  // "bucket(16, id)"

}  // namespace firn::config
