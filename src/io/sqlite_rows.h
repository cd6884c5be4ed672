#pragma once

#include <string>

#include "io/sql_rows.h"

namespace firn::io {

/// Asks the SQLite file at `path`, opened for reading, one `query` and hands its rows to `take` as they come. Errors:
/// kConfig (no such file, a query that fails or does not only read); those of `take`.
Status ReadSqliteRows(const std::string& path, const std::string& query, const SqlLimits& limits,
                      const TakeSqlRow& take);

}  // namespace firn::io
