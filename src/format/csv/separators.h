#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "format/csv/dialect.h"
#include "format/csv/offset_list.h"

namespace firn::format::csv {

/// Where fields and records end.
struct Separators {
  OffsetList ends;               // offsets of delimiters and line ends outside quotes; that of the text's end, if a
                                 // record ends there
  OffsetList records;            // which of them end a record, ascending
  std::vector<uint32_t> broken;  // begins of records with text behind a closing quote, ascending
  bool has_quotes = false;
  uint32_t open_quote = 0;  // of the record that does not end in the text: where its open quote is
  bool is_open = false;     // it has one
};

/// Finds the separators of `text`, which begins with a record and has CellPage::kPadding readable bytes behind it.
/// A quote counts at the begin of a field and inside quotes; everywhere else it is text. `at_end`: the file ends with
/// the text. By blocks of 64 bytes where the processor can (AVX2, carry-less multiply); a block with quotes that are
/// not at the edges of fields, escapes or comments are read byte by byte. `portable`: always so, for tests.
void FindSeparators(std::string_view text, const Dialect& dialect, bool at_end, Separators& out, bool portable = false);

}  // namespace firn::format::csv
