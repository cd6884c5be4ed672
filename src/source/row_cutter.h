#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "format/csv/row_reader.h"
#include "format/json/page.h"
#include "source/file_input.h"

namespace firn::source {

/// Rows of a file, in order.
struct FileRows {
  std::shared_ptr<const format::json::Page> page;
  std::vector<uint32_t> rows;  // of the page, ascending
  std::optional<Mark> mark;    // where reading goes on behind them; absent where it cannot
  int64_t first_line = 1;      // of the page's body, in the file; of a document the number of its first row

  int64_t TextBytes() const;  // of the rows
};

/// Cuts the bytes of one file into pages of rows, in bounded memory. Used by one thread.
class RowCutter {
 public:
  virtual ~RowCutter() = default;
  /// Returns the next rows, at least one, or nullopt at the end. Errors: kBadData, those of the input.
  virtual Result<std::optional<FileRows>> Next(std::stop_token stop) = 0;
  /// Where reading goes on if rows are added to the end of the file; nullopt if it is of no such format.
  virtual std::optional<Mark> EndMark() const { return std::nullopt; }
};

struct JsonCutterOptions {
  enum class Form { kAuto, kLines, kDocument };  // kAuto: lines if the first one is a whole value, and there are more
  Form form = Form::kAuto;
  std::string records = "auto";       // of a document
  std::vector<std::string> captures;  // of pages, see PageOptions
  int64_t chunk_bytes = int64_t{2} << 20;
  int64_t chunk_bytes_max = 0;     // of long rows: chunks grow until they hold about 1,000; 0: they do not
  int64_t document_bytes_max = 0;  // a document is read whole; 0: Page's limit
  int64_t line_bytes_max = int64_t{256} << 20;
  bool marks = false;         // rows tell where reading goes on
  bool counts_lines = false;  // first_line is wanted
  Mark from;                  // where the input stands
  std::string how_else;       // what to do when the records of a document are not found; empty: as the page says
  arrow::MemoryPool* pool = nullptr;
};
/// NDJSON, or one document whose records are found as in an answer of an API. `input` is borrowed.
/// Errors of reading: kBadData E0604 …, E0606 a document that is too large.
std::unique_ptr<RowCutter> MakeJsonCutter(UnpackedInput& input, JsonCutterOptions options);

struct CsvCutterOptions {
  std::vector<std::string> captures;       // names of columns
  format::csv::RowReader::Options reader;  // with `start` where the input stands somewhere else than at its beginning
  bool marks = false;
};
/// CSV and TSV. `input` is borrowed. Errors of reading: kBadData E0610 …
std::unique_ptr<RowCutter> MakeCsvCutter(UnpackedInput& input, CsvCutterOptions options);

/// Cuts ahead by a thread of its own, up to `ahead_bytes` of pages. The inner one is used by that thread alone.
std::unique_ptr<RowCutter> CutAhead(std::unique_ptr<RowCutter> inner, int64_t ahead_bytes);

}  // namespace firn::source
