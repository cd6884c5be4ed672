#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"

/// Prints rows. Values are exact in every format: decimals, 64-bit integers and hugeints with all digits, binary as
/// lower-case hex, dates and times in ISO 8601 (timestamps with zone in UTC with "Z"), floating point with the fewest
/// digits that read back to the same number.
namespace firn::query {

class QueryResult;

enum class OutputFormat { kTable, kJson, kNdjson, kCsv, kMarkdown, kParquet, kCanonical };

/// Parses "table", "json", "ndjson" (or "jsonl"), "csv", "md" (or "markdown"), "parquet",
/// "canonical".
/// Errors: kConfig with the list and did-you-mean.
Result<OutputFormat> ParseOutputFormat(std::string_view name);

struct FormatOptions {
  OutputFormat format = OutputFormat::kTable;
  /// kTable: columns of the terminal; wider cells are cut with "…", and columns that do not fit are left out (named in
  /// the last line). 0: no limit.
  int width = 0;
  /// kTable: rows shown; of more, the first and last halves with a "…" row between. 0: all. kMarkdown shows all.
  int64_t rows_max = 40;
};

/// Takes bytes of output, for example by writing to stdout. An error ends the writing (a closed pipe: kCancelled).
using ByteSink = std::function<Status(std::string_view bytes)>;

struct WriteSummary {
  int64_t num_rows = 0;
  int64_t num_columns = 0;
};

/// Prints a whole result. kJson: one array of row objects and nothing else; column names that repeat get "_1", "_2" …;
/// NaN and infinities are the strings "NaN", "Infinity", "-Infinity"; null is null; nested values are objects and
/// arrays, maps arrays of {"key", "value"}. kNdjson, kJson, kCsv and kParquet stream; kTable keeps `rows_max` rows;
/// kMarkdown streams. kCsv: RFC 4180 with a header, "\n" line ends, null is an empty field, an empty string is "".
/// kCanonical, to compare engines: JSON lines with sorted keys and no spaces; decimals are strings; times have six
/// digits of a second (nine in nanoseconds); floats are printed as doubles, the way Python does; maps are [key, value]
/// pairs, by key. Errors: of the query and the sink; kConfig for a type Parquet cannot hold.
Result<WriteSummary> WriteResult(QueryResult& result, const FormatOptions& options, const ByteSink& sink,
                                 std::stop_token stop);

/// The same over batches that are at hand, for commands that print lists (`firn tables --json`).
Result<WriteSummary> WriteBatches(arrow::RecordBatchReader& batches, const FormatOptions& options,
                                  const ByteSink& sink);

/// Appends one value as JSON text. `row` < array.length().
Status AppendJsonValue(const arrow::Array& array, int64_t row, std::string& out);
/// Appends a text as a JSON string, quotes included.
void AppendJsonText(std::string_view text, std::string& out);
/// Appends one value as plain text (CSV and table cells, without quotes); nothing for null.
Status AppendTextValue(const arrow::Array& array, int64_t row, std::string& out);

}  // namespace firn::query
