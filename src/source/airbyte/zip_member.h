#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::source::airbyte {

/// Unpacks a gzip stream (RFC 1952; several members are joined). At most 1 GiB. Errors: kBadData.
Result<std::string> Gunzip(std::string_view bytes);

/// Unpacks the files of a ZIP archive (stored or deflated; PKWARE APPNOTE 4.3) in the order of its directory, at most
/// 1 GiB together. Errors: kBadData.
Result<std::vector<std::string>> UnzipMembers(std::string_view bytes);

}  // namespace firn::source::airbyte
