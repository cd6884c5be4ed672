#pragma once

#include <string_view>

#include "base/status.h"

/// What the first bytes of a file tell.
namespace firn::source {

/// Errors: kBadData E0883 for a format or a packing that this build does not read, by name.
Status CheckIsRead(std::string_view first_bytes);

/// Whether an answer is a page for people, as of a login: by its Content-Type or its first bytes.
bool IsWebPage(std::string_view content_type, std::string_view first_bytes);

}  // namespace firn::source
