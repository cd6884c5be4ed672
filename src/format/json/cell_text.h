#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/cell_page.h"
#include "format/json/column.h"
#include "format/json/number_parse.h"
#include "format/json/shape.h"

/// How text cells get types (docs/guide/files.md): a text is a value of a type if nothing is lost by it, else the text
/// itself is the value.
namespace firn::format::json {

/// Reads a number as cells have it: JSON's grammar ("007", "+1" and " 1" are text), and an exponent only beside a
/// fraction or with a sign ("1.5e7", "1e-05"; "1e5" is text, as a code may be). "-0" is no integer: a double holds it.
bool ParseCellNumber(std::string_view text, Number& number);

/// true, false, and both spelled True, TRUE, False, FALSE.
std::optional<bool> ParseCellBool(std::string_view text);

/// Adds a cell to what is known of its column. `at`: its row and place.
void AddCell(Shape& shape, const Cell& cell, OrderKey at);

/// Adds the cells of a record to the row's shape. A bad record adds nothing, and false is returned.
bool AddCells(Shape& root, const CellPage& page, uint32_t record, uint64_t ordinal, const TypingContext& context);

enum class Fit { kYes, kNo, kNoMemory };

/// Appends a cell to one column: null, or the value its text is in the column's type. kNo: it is none; the column may
/// have to be truncated. A declared column also takes: numbers with leading zeros, "+" or any exponent; booleans
/// written yes/no, y/n, t/f, 1/0; times in the declared format; blanks around them.
Fit CellInto(Column& column, int64_t row, const Cell& cell);

/// Appends the record as a JSON object of strings and nulls. Not of a bad one.
void AppendCells(const CellPage& page, uint32_t record, std::string& out);

}  // namespace firn::format::json
