#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/cell_page.h"
#include "format/csv/dialect.h"
#include "format/csv/separators.h"

namespace firn::format::csv {

/// The whole records of a text and their cells.
struct RecordIndex {
  uint32_t num_records = 0;
  std::vector<CellPage::Bad> bad;
  size_t end = 0;      // behind the last whole record, blank lines and comments included
  uint64_t lines = 0;  // that end before it
};

/// Makes records of separators: those with `num_columns` fields, and bad ones. Blank lines (of more than one column)
/// and comments are left out. Bytes that are not UTF-8 make a record bad.
/// `starts`: gets those of CellPage; has room for num_columns + 1 of each record of `separators`.
void IndexRecords(std::string_view text, const Separators& separators, const Dialect& dialect, size_t num_columns,
                  uint32_t* starts, RecordIndex& out);

}  // namespace firn::format::csv
