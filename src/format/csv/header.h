#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/csv/dialect.h"

namespace firn::format::csv {

/// The first record of a text.
struct FirstRecord {
  std::vector<std::string> fields;
  size_t end = 0;  // behind its line end
};
/// Reads the first record that is neither blank nor a comment; nothing if there is none that ends in the text.
/// `text`: with CellPage::kPadding readable bytes behind it.
std::optional<FirstRecord> ReadFirstRecord(std::string_view text, const Dialect& dialect, bool at_end);

/// Makes names of a header's fields: blanks around them go; the empty one in place n is "column_n"; the second "a" is
/// "a_2", the third "a_3", or the next number that no field has.
std::vector<std::string> NamesOf(const std::vector<std::string>& fields);

}  // namespace firn::format::csv
