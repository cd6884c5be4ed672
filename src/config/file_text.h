#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace firn::config {

/// Reads a regular file of at most `bytes_max` bytes. Errors: kConfig; the message is the reason alone, without the
/// path.
Result<std::string> ReadFileText(const std::string& path, int64_t bytes_max);

}  // namespace firn::config
