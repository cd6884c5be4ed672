#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "config/check_config.h"
#include "pipeline/check_result.h"
#include "query/session.h"

namespace firn::io {
class FileStore;
}

namespace firn::pipeline {

/// What the checks of one table look at.
struct CheckedTable {
  catalog::TableIdentifier identifier;
  const schema::Schema* schema = nullptr;
  std::optional<int64_t> usual_rows;  // see UsualRows
};

/// Runs checks as queries. One that cannot be run has failed. `catalog`: shows the state to be judged. Errors:
/// kCancelled; kConfig E0701 if there is no query engine.
Result<std::vector<CheckResult>> RunChecks(const std::vector<config::CheckConfig>& checks, const CheckedTable& table,
                                           query::Session& session, const Clock& clock, std::stop_token stop);

/// The SQL whose single number is what the check judges: bad rows, or for row_count rows, for freshness microseconds
/// since 1970. Not for kSql. `columns`: names in the table, one per column of the check. Pure.
std::string SqlOfCheck(const config::CheckConfig& check, const catalog::TableIdentifier& table,
                       const std::vector<std::string>& columns);

/// The median of the rows that the newest 10 snapshots of main had, as far as their summaries say; snapshots of `run`
/// and those that only rewrite files do not count. nullopt: there are none. Pure.
std::optional<int64_t> UsualRows(const table::TableMetadata& metadata, const std::string& run);

}  // namespace firn::pipeline
