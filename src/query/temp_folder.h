#pragma once

#include <string>

namespace firn::query {

/// A new name "<TMPDIR or /tmp>/<prefix>-<pid>-<n>"; DuckDB makes the folder if it spills, and removes it.
std::string NewTempFolder(const std::string& prefix);

}  // namespace firn::query
