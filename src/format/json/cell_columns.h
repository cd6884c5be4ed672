#pragma once

#include <cstdint>
#include <span>

#include "format/cell_page.h"
#include "format/json/column.h"

namespace firn::format::json {

/// Appends cells `c` of the records `rows` (none is bad) to a column as its rows from `first_row` on, as CellInto would
/// one by one, but by the column's type: what looks plain is read at once, all else goes to CellInto. False: a cell
/// does not fit, or there is no memory; then the column holds some rows.
bool FillColumn(Column& column, const CellPage& page, size_t c, std::span<const uint32_t> rows, int64_t first_row);

}  // namespace firn::format::json
