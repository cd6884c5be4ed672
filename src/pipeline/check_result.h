#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace firn::pipeline {

/// What one check of a table found. Counts and names of columns alone, never a value.
struct CheckResult {
  std::string name;  // "not_null(email)"
  bool passed = false;
  bool blocks = false;              // a failure fails the table
  std::optional<int64_t> bad_rows;  // nullopt where rows are not what is judged, or the check could not run
  std::string finding;              // of a failure: "3 rows", "0 rows, at least 1 wanted"
};

}  // namespace firn::pipeline
