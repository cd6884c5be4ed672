#pragma once

#include <memory>

#include "source/airbyte/authenticator.h"

namespace firn::source::airbyte {

/// An OAuthAuthenticator: exchanges what it has (refresh token, client credentials, a signed assertion) for access
/// tokens. With `refresh_token_updater` a new single-use refresh token goes out as a CONTROL message at once.
Result<std::unique_ptr<Authenticator>> MakeOAuthAuthenticator(const Component& component, const RunContext& run);

}  // namespace firn::source::airbyte
