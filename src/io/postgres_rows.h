#pragma once

#include <string>

#include "io/postgres_target.h"
#include "io/sql_rows.h"

namespace firn::io {

/// Asks a Postgres server one `query` in a transaction that only reads, and hands its rows to `take` as they come, a
/// thousand held at a time. Errors: those of PostgresSession (a query that changes something is kConfig or
/// kTransient, as the server says); those of `take`.
Status ReadPostgresRows(const PostgresTarget& target, const std::string& query, const SqlLimits& limits,
                        const TakeSqlRow& take);

}  // namespace firn::io
