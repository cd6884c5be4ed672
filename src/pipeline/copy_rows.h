#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "format/json/report.h"
#include "format/json/table_reader.h"
#include "source/source.h"

namespace firn::io {
class FileStore;
}

/// Moves all rows of one table of a source to where no table is kept: a Parquet file, or text.
namespace firn::pipeline {

struct CopyResult {
  int64_t rows = 0;
  int64_t source_bytes = 0;  // of record text
  int64_t file_bytes = 0;    // of the Parquet file
  std::string hash;          // order-independent, of the typed rows; empty if not asked for
  int64_t quarantined = 0;
  std::vector<std::string> changes;  // of the schema after its prefix: "+ column coupon string"
  format::json::InferenceReport report;
};

struct ParquetCopyOptions {
  std::string path;                           // absolute; replaced at once when everything is written
  format::json::TableReaderOptions reader;    // `known` empty: types are inferred
  int threads = 1;                            // 1: everything on the caller's; else decoding and encoding run apart
  int64_t memory_bytes = int64_t{256} << 20;  // of pages, batches and encoder
  int zstd_level = 1;
  bool hash = false;
};

/// Errors: of the source, of decoding (kBadData, kContract), of the file store; the target is unchanged then.
Result<CopyResult> CopyToParquet(source::Source& source, const std::string& table, io::FileStore& files,
                                 ParquetCopyOptions options, std::stop_token stop);

using TextSink = std::function<Status(std::string_view)>;

/// Writes each record as it came, one per line, page by page: no types, no inference. A record that is no valid JSON is
/// an error (kBadData). Line breaks between the tokens of a record become spaces.
Result<CopyResult> CopyToLines(source::Source& source, const std::string& table, const TextSink& sink,
                               std::stop_token stop);

}  // namespace firn::pipeline
