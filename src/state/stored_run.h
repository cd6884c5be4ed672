#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "state/run_record.h"

/// Runs as JSON members of documents (docs/decisions/0012-stateless-runs.md). Included by state/*.cc alone. Unknown
/// members are ignored and missing ones keep their defaults.
namespace firn::state {

struct StoredTable {
  TableRecord record;
  Timestamp recorded;  // when
};

struct StoredRun {
  RunRecord run;  // without tables
  std::vector<StoredTable> tables;

  /// Adds or replaces what became of a table.
  void Put(StoredTable table);
};

nlohmann::ordered_json RunJson(const RunRecord& run);
nlohmann::ordered_json TableJson(const StoredTable& table);
nlohmann::ordered_json StoredRunJson(const StoredRun& run);  // a document

/// Errors: kBadData for what has no run id.
Result<RunRecord> ParseRun(const nlohmann::ordered_json& json);
/// What is no object gives an empty record.
StoredTable ParseTable(const nlohmann::ordered_json& json);
/// Errors: those of CheckDocument and ParseRun.
Result<StoredRun> ParseStoredRun(std::string_view location, std::string_view text);

/// True for the same table of a project, wherever its lake is.
bool IsSameTable(const TableRecord& left, const TableRecord& right);

}  // namespace firn::state
