#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/json/column.h"
#include "format/json/number_parse.h"

/// Single values as texts have them, for the decoders of JSON and of text cells.
namespace firn::format::json {

/// A time written as a declared column's format has it: micros since the epoch (of times and dates too), or nothing.
std::optional<int64_t> NumberMicros(const Number& number, const std::string& format);
std::optional<int64_t> TextMicros(std::string_view text, const ColumnHint& hint, bool with_zone);

/// RFC 9562: 8-4-4-4-12 lower-case hex digits; upper-case ones would be lost. The sixteen bytes as they stand in
/// memory.
std::optional<unsigned __int128> ParseUuid(std::string_view text);

/// Appends a number to a column of numbers. True if it fits the column's type; then `ok` says whether there was memory.
bool AppendNumber(Column& column, int64_t row, const Number& number, bool& ok);

}  // namespace firn::format::json
