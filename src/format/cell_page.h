#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace firn::format {

/// Rows of text cells under named columns: what a format without types gives (csv), and what format/json types into
/// Arrow by column (json/cell_text.h). Made by one thread; immutable and shared after that.
struct CellPage {
  /// Bytes behind the body that may be read; they hold zeros.
  static constexpr size_t kPadding = 64;

  /// A record that is no row: fields are missing or too many, or its text is broken.
  struct Bad {
    uint32_t record = 0;
    uint32_t begin = 0;  // in the body
    uint32_t end = 0;
    std::string reason;  // without the line
    std::string next;    // what to do, if that is not the same for all
  };

  std::shared_ptr<arrow::Buffer> buffer;                    // of `body` and its padding
  std::string_view body;                                    // UTF-8
  std::shared_ptr<const std::vector<std::string>> columns;  // distinct, none empty; one object for all pages of a file
  /// num_records x (num_columns() + 1): cell c of record i has the bytes from starts[c] to before starts[c + 1] - 1.
  std::shared_ptr<arrow::Buffer> starts_buffer;
  const uint32_t* starts = nullptr;
  uint32_t num_records = 0;  // bad ones included: they have no cells
  std::vector<Bad> bad;      // ascending
  uint64_t first_line = 1;   // of the first record, in the file
  bool has_quotes = false;   // somewhere in the body
  char quote = '"';          // a cell that begins with it is quoted; 0: none is
  char escape = '"';         // inside quotes, before a quote; or the quote itself, doubled
  char line_end = '\n';      // what lines are counted by
  std::shared_ptr<const std::vector<std::string>> null_texts;  // unquoted cells that mean null, besides the empty one

  size_t num_columns() const { return columns->size(); }
  const uint32_t* record(uint32_t i) const { return starts + size_t{i} * (num_columns() + 1); }
  /// Null if the record is not bad.
  const Bad* FindBad(uint32_t record) const;
  /// The record's bytes, without its line end.
  std::string_view RecordText(uint32_t i) const;
  /// Lines that end between two offsets of the body.
  uint64_t LinesBetween(uint32_t begin, uint32_t end) const;
  /// The line that a byte of the body is on, in the file. Costs a pass over the bytes before it.
  uint64_t LineOf(uint32_t offset) const { return first_line + LinesBetween(0, offset); }
  int64_t bytes_held() const;
};

/// One cell. `text`: borrowed from the page, or from the scratch it was put together in.
struct Cell {
  std::string_view text;
  bool quoted = false;
  bool is_null = false;
};

/// Reads cell c of a record that is not bad. `scratch`: holds text that is not the same in the page (doubled quotes).
Cell CellAt(const CellPage& page, uint32_t record, size_t c, std::string& scratch);

}  // namespace firn::format
