#pragma once

#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "config/auth_config.h"

namespace firn::source {

/// Signs a JSON web token with the claims of `jwt`, issued `now`; `iat` and `exp` are added unless they are given.
/// `where`: of the `auth`. Errors: kConfig (E0551) for a key that does not fit.
Result<std::string> SignedToken(const config::JwtAuth& jwt, const std::string& where, Timestamp now);

}  // namespace firn::source
