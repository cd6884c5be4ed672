#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/check_config.h"
#include "config/files_config.h"
#include "config/job_config.h"
#include "config/layout_config.h"
#include "config/merge_config.h"
#include "config/response_rule_config.h"
#include "config/source_config.h"
#include "config/watch_config.h"

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

enum class WriteMask { kNone, kRedact, kNull, kSha256, kHmac, kIp };

struct ColumnConfig {
  std::string path;  // source path: "email", "customer.email"
  std::string type;  // canonical Iceberg name ("decimal(12, 2)"), "json" (keep as JSON text), "map", or empty: inferred
  std::string
      format;  // of times and dates written as text or number: iso | epoch_s | epoch_ms | dotnet | strftime pattern
  std::string timezone;                        // of values without an offset; makes the column timestamptz
  std::string pii;                             // class of personal data, empty: none
  WriteMask mask_on_write = WriteMask::kNone;  // irreversible, runs before anything else sees the value
  std::optional<BloomFilterConfig> bloom_filter;
  std::string name;                // what the table's column is called, the last part of its path; empty: by `naming`
  std::string renamed_from;        // source path that this key had before: its column goes on under the new name
  bool drop = false;               // the key is not loaded, and the table's column is dropped
  std::optional<std::string> doc;  // text for readers of the table
  std::optional<std::string> default_text;  // as written: of rows without the key, and of rows from before the column
};

enum class Contract { kEvolve, kFreeze, kDiscardRow, kDiscardValue };
struct SchemaContractConfig {
  Contract tables = Contract::kEvolve;   // a table that does not exist yet
  Contract columns = Contract::kEvolve;  // a column that does not exist yet
  Contract types = Contract::kEvolve;    // a value that does not fit its column
};

/// One request sequence per value; each value has its own position.
struct PartitionsConfig {
  std::string name;    // the value is {{ partition.<name> }} in templates
  std::string param;   // query parameter that carries it, empty: templates only
  std::string column;  // of every row that it gives, empty: none
  std::vector<std::string> values;
};

/// What the name of a table's raw table has behind the table's.
inline constexpr char kRawTableSuffix[] = "__raw";

struct RawConfig {
  enum class Mode { kOff, kArchive, kTable };
  Mode mode = Mode::kOff;
  std::string location;                    // of kArchive: folder or s3://bucket/prefix; default "<warehouse>-raw"
  bool sealed = false;                     // encrypted: a column of the pipeline is personal data, or there is a key
  std::string key;                         // secret; as io::ParseRawKey reads it; empty: the state folder's
  std::vector<std::string> previous_keys;  // secret; for reading
  int64_t retention_ms = int64_t{30} * 86'400'000;
  bool retention_written = false;  // it holds of kOff, too, for what was kept before
};

enum class OnError { kFail, kQuarantine };

/// Which columns every row gains: those of firn, or of another program whose readers go on with the table.
enum class SystemColumns { kFirn, kDlt, kAirbyte };

/// What a response status means, if not what it says. The narrowest range comes first.
struct StatusRuleConfig {
  enum class Action { kEmpty, kRetry, kFail };
  int32_t status_min = 0, status_max = 0;
  Action action = Action::kFail;
};

/// When files are rolled and commits made.
struct WriteLimitsConfig {
  int64_t batch_rows_max = 65'536;
  std::optional<int64_t> file_rows_max;
  int64_t file_bytes_max = int64_t{128} << 20;  // target size of a data file
  int64_t commit_bytes = int64_t{256} << 20;    // of source bytes; stable tables only
  bool commit_bytes_written = false;            // else up to 16 times as much, while files would be small
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
  std::string body_json;                // template: JSON text of the request body, empty: none
  bool is_graphql = false;              // the body is a GraphQL request
  bool refuses_graphql_errors = false;  // an answer that has errors fails the table
  std::string records = "auto";         // path to the rows, "auto", or "." for the whole body
  PaginateConfig paginate;
  std::vector<StatusRuleConfig> on_status;
  std::vector<ResponseRuleConfig> on_response;  // before those of the source
  bool empty_body_is_no_records = false;        // else an empty body is an error
  std::optional<PartitionsConfig> partitions;
  std::string parent;                      // table of the same pipeline, empty: none
  NamedText include;                       // column of this table → "parent.<path>"
  bool replace_children = false;           // a changed parent row replaces all its children
  FilesConfig files;                       // of a source of files; its paths are not in `path`
  std::optional<JobConfig> job;            // that makes what the request asks for
  std::optional<DownloadConfig> download;  // of an API: the answers are files of rows

  // What it means.
  std::vector<std::string> primary_key;  // source paths or included columns; empty: none
  std::optional<IncrementalConfig> incremental;
  WriteDisposition write_disposition = WriteDisposition::kReplace;  // derived if not written, see choices
  MergeConfig merge;                                                // of kMerge
  std::optional<DedupeConfig> dedupe;                               // of kAppend
  bool overwrite_partitions = false;  // of kReplace: only partitions that occur in the load are replaced
  std::string delete_when;            // template over `record`; a true value deletes the row's key. Empty: never
  SchemaContractConfig schema_contract;
  std::vector<ColumnConfig> columns;
  OnError on_error = OnError::kFail;
  bool allow_empty = false;  // a replace may publish 0 rows over a non-empty table

  // How it is written.
  std::vector<PartitionConfig> partition_by;
  bool repartitions = false;              // partition_by is written: a table partitioned in another way follows
  std::optional<int32_t> format_version;  // at least, 2 or 3; nullopt: 2 for a new table, else the table's
  SystemColumns system_columns = SystemColumns::kFirn;
  WriteLimitsConfig write;
  LayoutConfig layout;
  MaintenanceConfig maintenance;
  RawConfig raw;

  // How it is published.
  bool audit = false;               // loads go to a branch and reach main when all checks passed
  std::vector<CheckConfig> checks;  // after each load

  WatchConfig watch;              // who is told what about it
  std::string stream;             // of a process: what the program calls the table; empty: its name
  std::vector<std::string> tags;  // those of its pipeline included

  std::vector<Choice> choices;  // one per derived value

  /// Returns the declaration of exactly that source path, or null.
  const ColumnConfig* FindColumn(std::string_view column_path) const;
};

std::string_view ToString(WriteDisposition disposition);
std::string_view ToString(WriteMask mask);
std::string_view ToString(SystemColumns columns);
SystemColumns SystemColumnsOf(std::string_view text);  // of what ToString gives; else kFirn
std::string_view ToString(Contract contract);
std::string_view ToString(PaginateType type);
std::string ToString(const PartitionConfig& partition);  // "bucket(16, id)"

}  // namespace firn::config
