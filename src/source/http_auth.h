#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "connector/plan.h"
#include "io/http_session.h"
#include "state/refresh_tokens.h"

namespace firn::source {

/// Makes the authorizer of a source; null for Type::kNone. Credentials go only to requests of `base_url`'s origin.
/// OAuth2 tokens are fetched when first needed, by one thread while the others wait, again shortly before they expire
/// (by the steady clock) and once when a request was rejected; access tokens stay in memory. A refresh token that the
/// server exchanges for a new one goes to `kept` (may be null) before the new access token is used, and is read from
/// there first. Every token is registered with the process's redactor. `client`, `clock`, `kept` are borrowed. Errors:
/// kConfig for a malformed URL.
Result<std::unique_ptr<io::HttpAuthorizer>> MakeAuthorizer(const connector::AuthPlan& plan, const std::string& base_url,
                                                           io::HttpClient& client, const Clock& clock,
                                                           const state::RefreshTokens* kept = nullptr);

/// Returns a name for who asks with `plan`, the same in all processes: whose requests an API counts together. It tells
/// apart all that is configured (two customers of one OAuth client have two refresh tokens) and is a hash, so that it
/// may be the name of a file.
std::string CredentialIdentity(const connector::AuthPlan& plan);

}  // namespace firn::source
