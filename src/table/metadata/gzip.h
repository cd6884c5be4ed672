#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace firn::table {

/// True if `bytes` begins with the gzip magic (RFC 1952, 2.3.1).
bool IsGzip(std::string_view bytes);
/// Errors: kBadData for damaged or cut content, or more than `bytes_max` bytes of it.
Result<std::string> Gunzip(std::string_view bytes, int64_t bytes_max);
/// `bytes`: less than 4 GiB.
Result<std::string> Gzip(std::string_view bytes);

}  // namespace firn::table
