#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace firn::config {

/// What must hold of a table's rows after a load. Names are those of the source.
struct CheckConfig {
  enum class Kind { kNotNull, kUnique, kAcceptedValues, kRange, kRowCount, kFreshness, kSql };
  enum class OnFailure { kFail, kWarn };

  Kind kind = Kind::kNotNull;
  std::string name;                         // in results: as written, else "not_null(email)"
  OnFailure on_failure = OnFailure::kFail;  // default: fail with `publish: audit`, else warn
  std::vector<std::string> columns;         // kUnique: together; one for the other kinds that look at columns
  std::vector<std::string> values;          // kAcceptedValues, as text
  std::optional<std::string> min;           // kRange: a number, date or time, as written
  std::optional<std::string> max;
  std::optional<int64_t> rows_min;  // kRowCount
  std::optional<int64_t> rows_max;
  std::optional<int64_t> change_percent_max;  // kRowCount: against the median of what was published last
  int64_t age_ms_max = 0;                     // kFreshness
  std::string sql;                            // kSql: each row it returns is a failure
  std::string config_path;                    // for Project::WhereIs
};

}  // namespace firn::config
