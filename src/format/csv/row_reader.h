#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "format/cell_page.h"
#include "format/csv/dialect.h"

namespace firn::format::csv {

/// A boundary between records. `byte`: of the file as it is written (its encoding, not compressed), from 0, with the
/// byte order mark. `line`: from 1.
struct Place {
  int64_t byte = 0;
  int64_t line = 1;
  friend bool operator==(const Place&, const Place&) = default;
};

/// What reading needs that does not begin with the first byte.
struct Start {
  Place place;
  Dialect dialect;
  std::vector<std::string> columns;  // names, in the order of the fields
  friend bool operator==(const Start&, const Start&) = default;
};
std::string ToJson(const Start& start);
/// Errors: kBadData.
Result<Start> StartFromJson(std::string_view json);

/// Turns the bytes of one CSV or TSV file into pages of cells, in bounded memory. Used by one thread.
///
///   RowReader reader({.csv = options});                    // or .start = an earlier reader's StartAt(rows.end)
///   while (bytes) { reader.Push(bytes); while (rows = reader.Pop()) json::Page::OfCells(rows->page) … }
///   reader.Finish(); while (rows = reader.Pop()) …
///
/// A row whose number of fields is not that of the header, with text behind a closing quote or with bytes that are not
/// of the file's encoding is bad: it is in the page, marked, with its reason. Blank lines are passed over, unless there
/// is only one column: then they are rows with a null.
class RowReader {
 public:
  struct Options {
    CsvOptions csv;
    std::optional<Start> start;  // then the first byte that is pushed is the one at start->place, and csv is not asked
    int64_t page_bytes = int64_t{2} << 20;  // of text; less of short rows, which hold several times as much
    int64_t record_bytes_max = int64_t{16} << 20;
    arrow::MemoryPool* pool = nullptr;  // null: the default pool
  };
  struct Rows {
    std::shared_ptr<const CellPage> page;
    Place end;  // behind the last of them: where reading may start again
  };

  explicit RowReader(Options options);
  ~RowReader();

  /// Takes the next bytes of the file (copied), of any number. Errors, all kBadData with the line: E0610 a record is
  /// longer than record_bytes_max (an open quote, or no line ends); E0611 the header cannot be read.
  Status Push(std::string_view bytes);
  /// Returns where the next bytes may be put instead, at least one; then Commit says how many were. Errors: as Push.
  Result<std::span<char>> Room();
  Status Commit(size_t size);
  /// Ends the file. Errors: as Push; E0612 a quote is never closed.
  Status Finish();
  /// Returns the next rows, at least one, or nullopt if more bytes are needed (after Finish: the end).
  std::optional<Rows> Pop();

  /// True once the dialect and the names are known: after the first Pop that gives rows, and after Finish.
  bool is_open() const;
  /// Of a reader that is open.
  const Dialect& dialect() const;
  const std::vector<std::string>& columns() const;
  Start StartAt(Place place) const { return {place, dialect(), columns()}; }
  /// Bytes pushed and not yet popped.
  int64_t bytes_held() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace firn::format::csv
