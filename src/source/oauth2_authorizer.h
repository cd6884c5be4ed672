#pragma once

#include <memory>

#include "connector/plan.h"
#include "io/http_session.h"
#include "io/url.h"
#include "state/refresh_tokens.h"

namespace firn::source {

/// Access tokens of OAuth 2.0 (RFC 6749), and of signed assertions (RFC 7523) where `plan` is kJwt with a token_url.
/// See MakeAuthorizer.
std::unique_ptr<io::HttpAuthorizer> MakeOAuth2Authorizer(const connector::AuthPlan& plan, io::UrlParts origin,
                                                         io::HttpClient& client, const Clock& clock,
                                                         const state::RefreshTokens* kept);

/// What the refresh token of `plan` is kept under. One given anew in the configuration begins a file of its own.
std::string CredentialName(const connector::AuthPlan& plan);

/// Keeps the refresh token of a login, so that the runs of `plan` begin with it. Where it leaves the machine it is
/// encrypted under the configured refresh token, else under client_secret. Errors: those of RefreshTokens.
Status KeepLogin(const connector::AuthPlan& plan, const state::RefreshTokens& kept, const std::string& token,
                 std::stop_token stop);

/// The value of an Authorization header with user name and password (RFC 7617), known to the redactor.
std::string BasicHeader(const std::string& user, const std::string& password);

}  // namespace firn::source
