#pragma once

#include <string>

#include "base/status.h"

namespace firn::cli {

/// Returns an error as people read it (DESIGN.md §5.11): `error[E0412]: message` and the lines where, why, state, next
/// that are known. Ends with a newline. Secrets are redacted.
std::string ErrorText(const Status& error);

}  // namespace firn::cli
