#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "format/csv/dialect.h"
#include "source/source.h"

namespace firn::pipeline {

enum class LinesFormat {
  kAuto,  // the name: .csv and .tsv are cells; all else is JSON
  kJson,
  kCsv,
};

struct LinesSourceOptions {
  std::string path;   // of the file; "-": standard input
  std::string table;  // name of the one table
  LinesFormat format = LinesFormat::kAuto;
  format::csv::CsvOptions csv;  // of a CSV file
  int64_t chunk_bytes = int64_t{2} << 20;
  int64_t chunk_bytes_max = 0;        // of long rows: chunks grow until they hold about 1,000; 0: they do not
  int64_t ahead_bytes = 0;            // read and indexed ahead by a thread of its own; 0: no thread
  int64_t document_bytes_max = 0;     // of a file that is one JSON document, which is read whole, and of a row of CSV;
                                      // 0: Page's limit
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

/// A file or stream of rows as a source of one table with one split: CSV, NDJSON, or one JSON document whose records
/// are found as in an answer of an API; gzip and zstd are undone. The first bytes decide, but a name that ends in
/// .ndjson or .jsonl means lines. Standard input can be read once. Errors of reading: kConfig if there is no such file,
/// kBadData for what is no JSON or CSV or too large.
Result<std::unique_ptr<source::Source>> MakeLinesSource(LinesSourceOptions options);

}  // namespace firn::pipeline
