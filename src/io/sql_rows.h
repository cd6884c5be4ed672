#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

/// What the readers of queries to databases share (sqlite_rows.h, postgres_rows.h, mariadb_rows.h). For lists that are
/// small; what they read is not kept here.
namespace firn::io {

/// One row by column, in the order of the query, each value as the database writes it; nullopt: null.
using SqlCells = std::vector<std::pair<std::string, std::optional<std::string>>>;
using TakeSqlRow = std::function<Status(const SqlCells&)>;

struct SqlLimits {
  int64_t wait_ms = 30'000;    // each wait for the database
  int64_t rows_max = 100'001;  // more are not asked for
};

}  // namespace firn::io
