#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "connector/plan.h"
#include "io/http_client.h"

/// How a person gives firn a refresh token.
namespace firn::source {

/// What the person has to do.
struct LoginPrompt {
  std::string url;   // to open in a browser
  std::string code;  // to type there; empty: none
};

struct LoginOptions {
  std::string authorize_url;
  std::string device_url;
  uint16_t port = 0;  // of the callback; 0: any free one. Some servers know only one that was registered with them.
  std::chrono::seconds wait_max{300};
  std::function<void(const LoginPrompt&)> show;  // called once
};

/// Logs in by the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636): the browser of this machine is sent
/// back to a server on 127.0.0.1, which answers that one request and ends. Returns the refresh token, known to the
/// redactor. `plan`: of type kOAuth2RefreshToken; everything is borrowed for the call. Errors: kAuth (E0555) if the
/// login was refused or gave no refresh token, or nobody logged in in time; kCancelled.
Result<std::string> LogInWithBrowser(const connector::AuthPlan& plan, const LoginOptions& options,
                                     io::HttpClient& client, const Clock& clock, std::stop_token stop);

/// The same for a machine without a browser, by the device grant (RFC 8628).
Result<std::string> LogInWithDevice(const connector::AuthPlan& plan, const LoginOptions& options,
                                    io::HttpClient& client, const Clock& clock, std::stop_token stop);

}  // namespace firn::source
