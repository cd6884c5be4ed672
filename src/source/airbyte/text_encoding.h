#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace firn::source::airbyte {

/// Returns bytes of an encoding as UTF-8. `encoding`: as Python names it ("latin-1", "cp1252", "utf-8-sig").
/// Errors: kConfig for one that is not known; kBadData for bytes that are no text of it.
Result<std::string> TextOf(std::string_view bytes, const std::string& encoding);

}  // namespace firn::source::airbyte
