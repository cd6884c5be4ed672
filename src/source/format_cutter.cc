#include "source/format_cutter.h"

#include <algorithm>
#include <utility>

namespace firn::source {
namespace {

using config::FileFormat;
namespace csv = format::csv;

constexpr int64_t kPageBytes = int64_t{2} << 20, kPageBytesMin = int64_t{4} << 10;
constexpr int64_t kChunkBytesMax = int64_t{8} << 20;
constexpr int64_t kRowBytesMax = int64_t{64} << 20;
constexpr int64_t kAheadBytesMax = int64_t{32} << 20;
// Shares of the memory.
constexpr int64_t kChunkShare = 64, kDocumentShare = 4, kAheadShare = 8, kLineShare = 4;

csv::CsvOptions CsvOptionsOf(const config::CsvConfig& config, FileFormat format) {
  csv::CsvOptions options{.delimiter = config.delimiter,
                          .quote = config.quote,
                          .escape = config.escape,
                          .header = config.header,
                          .columns = config.columns,
                          .nulls = config.nulls,
                          .skip_lines = config.skip_lines,
                          .comment = config.comment,
                          .prefers_tab = format == FileFormat::kTsv};
  if (!config.encoding.empty()) options.encoding = csv::EncodingOf(config.encoding);
  return options;
}

Result<std::unique_ptr<RowCutter>> CutCells(UnpackedInput& input, FormatCutterOptions& options, int64_t page_bytes) {
  CsvCutterOptions cells{.captures = std::move(options.captures), .marks = true};
  cells.reader = {.csv = CsvOptionsOf(options.csv, options.format),
                  .page_bytes = page_bytes,
                  .record_bytes_max = std::min(kRowBytesMax, options.memory_bytes / kLineShare),
                  .pool = options.pool};
  if (!options.from.csv.empty()) {
    ARROW_ASSIGN_OR_RAISE(cells.reader.start, csv::StartFromJson(options.from.csv));
  }
  return MakeCsvCutter(input, std::move(cells));
}

std::unique_ptr<RowCutter> CutJson(UnpackedInput& input, FormatCutterOptions& options, int64_t page_bytes) {
  using Form = JsonCutterOptions::Form;
  return MakeJsonCutter(input, {.form = options.format == FileFormat::kNdjson ? Form::kLines : Form::kAuto,
                                .records = std::move(options.records),
                                .captures = std::move(options.captures),
                                .chunk_bytes = page_bytes,
                                .chunk_bytes_max = std::min(kChunkBytesMax, options.memory_bytes / kChunkShare),
                                .document_bytes_max = options.memory_bytes / kDocumentShare,
                                .line_bytes_max = options.memory_bytes / kLineShare,
                                .marks = true,
                                .counts_lines = true,
                                .from = options.from,
                                .pool = options.pool});
}

}  // namespace

Status CheckCsv(const config::CsvConfig& config) {
  if (!config.encoding.empty() && !csv::EncodingOf(config.encoding)) {
    return MakeError(Fault::kConfig, "`" + config.encoding + "` is not an encoding that is read",
                     {.code = "E0497", .next = "write utf-8, utf-16le, utf-16be, latin-1 or windows-1252"});
  }
  return csv::CheckOptions(
      {.delimiter = config.delimiter, .quote = config.quote, .escape = config.escape, .comment = config.comment});
}

Result<std::unique_ptr<RowCutter>> MakeFormatCutter(UnpackedInput& input, FormatCutterOptions options) {
  FIRN_CHECK(options.format != FileFormat::kParquet);
  // One more than the text tells the end.
  const int64_t page_bytes = std::clamp(options.text_bytes_max, kPageBytesMin, kPageBytes - 1) + 1;
  const int64_t ahead_bytes = options.reads_ahead ? std::min(kAheadBytesMax, options.memory_bytes / kAheadShare) : 0;
  if (options.format == FileFormat::kCsv || options.format == FileFormat::kTsv) {
    ARROW_ASSIGN_OR_RAISE(auto cutter, CutCells(input, options, page_bytes));
    return CutAhead(std::move(cutter), ahead_bytes);
  }
  return CutAhead(CutJson(input, options, page_bytes), ahead_bytes);
}

}  // namespace firn::source
