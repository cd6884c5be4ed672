#pragma once

#include <string>
#include <string_view>

#include "schema/type.h"

/// Small pieces of SQL text in DuckDB's dialect.
namespace firn::query {

/// `name` in double quotes.
std::string QuoteName(std::string_view name);
/// `text` in single quotes. A NUL byte, which DuckDB's parser would take for the end, becomes chr(0).
std::string QuoteText(std::string_view text);
/// DuckDB's name of a type: DECIMAL(12,2), STRUCT("a" BIGINT), MAP(VARCHAR, INTEGER), TIMESTAMP WITH TIME ZONE.
std::string SqlType(const schema::Type& type);
/// What firn_scan calls its first column, which is always 0: a name that no column of `schema` has, case aside.
std::string RowColumnName(const schema::Schema& schema);

}  // namespace firn::query
