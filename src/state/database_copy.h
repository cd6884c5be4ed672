#pragma once

#include <string>

#include "base/status.h"

namespace firn::state {

/// Writes a copy of a state database as it is at one moment, though others may write to it. `target` must not exist.
/// Returns false if there is no database. Errors: kConfig for a newer layout; of SQLite.
Result<bool> CopyStateDatabase(const std::string& path, const std::string& target);

}  // namespace firn::state
