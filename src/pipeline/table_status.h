#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "config/project.h"
#include "state/run_record.h"

namespace firn::pipeline {

/// The latest of a table as it looks at a moment.
struct JudgedTable {
  state::TableStatus status;           // `last.findings` with its lateness now; of one never loaded: its names
  bool never = false;                  // has `freshness` and no run
  std::optional<int64_t> age_seconds;  // of the newest row, else of the last load
  std::optional<Timestamp>
      next_pass;  // when the next reconcile pass is due; nullopt: none is configured, or no load yet
};

/// Judges the latest records against `freshness` of the project; tables that have it and were never loaded are added.
std::vector<JudgedTable> JudgeTables(const config::Project& project, std::vector<state::TableStatus> latest,
                                     Timestamp now);

/// An element of what `status --json` prints: `latest_table` in result.schema.json.
nlohmann::ordered_json JudgedJson(const JudgedTable& table);

/// Exit code for monitors: 3 if the last load of a table failed, else 6 if one is later than `error_after` (with
/// `strict` also for warnings), else 0.
int StatusExitCode(const std::vector<JudgedTable>& tables, bool strict);

}  // namespace firn::pipeline
