#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace firn::config {

/// Returns a text without the UTF-8 byte order mark at its start that editors of Windows write.
std::string WithoutByteOrderMark(std::string text);

/// Reads a regular file of at most `bytes_max` bytes, without its byte order mark. Errors: kConfig; the message is the
/// reason alone, without the path.
Result<std::string> ReadFileText(const std::string& path, int64_t bytes_max);

}  // namespace firn::config
