#pragma once

#include <optional>
#include <string_view>

#include "format/csv/dialect.h"

namespace firn::format::csv {

/// Finds out how a file is written from the text it begins with (UTF-8, lines before the header left out); what
/// `options` say is taken as it is.
///   - lines: CR if the sample has CR and no LF, else LF or CR LF;
///   - delimiter: that of "," tab ";" "|" which gives most of the sample's records the same number of fields, at least
///     two, and the first record two as well; of several the one with more fields; none does: one column,
///     by the first of them that is not in the text;
///   - escape: a backslash if quotes only close where they should with one;
///   - header: the first record, unless a field of it reads as a number, a date or a boolean, or all are empty. (A
///     header taken for a row is seen; a row taken for a header would be lost.)
/// `sample`: with CellPage::kPadding readable bytes behind it. `at_end`: the file ends with it. Returns nothing if the
/// sample has no whole record and the file goes on.
std::optional<Dialect> Sniff(std::string_view sample, const CsvOptions& options, bool at_end);

}  // namespace firn::format::csv
