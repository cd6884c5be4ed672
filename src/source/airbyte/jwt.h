#pragma once

#include <memory>
#include <string>

#include "source/airbyte/authenticator.h"

namespace firn::source::airbyte {

/// A JwtAuthenticator: signs a token for each request (HS256/384/512, RS256/384/512, ES256).
Result<std::unique_ptr<Authenticator>> MakeJwtAuthenticator(const Component& component, const RunContext& run);

/// The signed token of such a component, without prefix: the assertion of an OAuth profile.
Result<std::string> SignJwt(const Component& component, const RunContext& run);

}  // namespace firn::source::airbyte
