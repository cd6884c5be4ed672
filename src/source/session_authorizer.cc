#include "source/session_authorizer.h"

#include "base/redactor.h"
#include "expression/value.h"
#include "io/form_text.h"
#include "source/renewed_authorizer.h"
#include "source/rest/errors.h"

namespace firn::source {
namespace {

using connector::AuthPlan;
using expression::Value;

constexpr int64_t kAnswerBytesMax = 1 << 20;
constexpr std::chrono::hours kUntilRefused{24 * 366};

class SessionAuthorizer : public RenewedAuthorizer {
 public:
  SessionAuthorizer(const AuthPlan& plan, io::UrlParts origin, io::HttpClient& client, const Clock& clock)
      : RenewedAuthorizer(std::move(origin), plan.session.name, clock),
        where_(plan.where),
        login_(plan.session),
        session_(client, clock, {.backoff = {.total_ms = 120'000, .attempts_max = 5}}) {}

 private:
  io::HttpRequest LoginRequest() const {
    // Another session does no harm, so the login may be sent again after an unknown outcome.
    io::HttpRequest request{.method = login_.method,
                            .url = login_.url,
                            .headers = {{"Accept", "application/json"}},
                            .body = login_.form.empty() ? login_.body_json : io::FormText(login_.form),
                            .body_bytes_max = kAnswerBytesMax,
                            .follow_redirects = false,
                            .repeatable = true};
    if (!request.body.empty()) {
      request.headers.Set("Content-Type", login_.form.empty() ? "application/json" : io::kFormType);
    }
    for (const auto& [name, value] : login_.headers) request.headers.Set(name, value);
    return request;
  }

  Status Refused(std::string message, std::string why) const {
    return rest::NamedError({.fault = Fault::kAuth,
                             .code = "E0550",
                             .message = std::move(message),
                             .where = where_,
                             .why = std::move(why),
                             .next = "check the login's url, credentials and `token_path`"});
  }

  Result<Credential> Fetch(std::stop_token stop) override {
    const auto asked_at = clock().Steady();
    const auto response = session_.Send(LoginRequest(), stop);
    if (!response.ok()) {
      const Fault fault = FaultOf(response.status());
      if (fault != Fault::kConfig && fault != Fault::kAuth) return Within("login request", response.status());
      return Refused("the login was refused", response.status().message());
    }
    const auto answer = expression::ParseJson(response->text());
    if (!answer.ok()) return Refused("the answer to the login is no JSON", "");
    const Value token = expression::AtPath(*answer, login_.token);
    if (!token.is_string() || token.as_string().empty()) {
      return Refused("the answer to the login has no token at " + login_.token, rest::DescribeKeys(response->text()));
    }
    ProcessRedactor().AddSecret(token.as_string());
    const bool ends = login_.lifetime_ms > 0;
    return Credential{
        .value = login_.scheme.empty() ? token.as_string() : login_.scheme + " " + token.as_string(),
        .renew_at = ends ? RenewAt(asked_at, std::chrono::milliseconds(login_.lifetime_ms)) : asked_at + kUntilRefused};
  }

  const std::string where_;
  const config::SessionAuth login_;
  io::HttpSession session_;
};

}  // namespace

std::unique_ptr<io::HttpAuthorizer> MakeSessionAuthorizer(const AuthPlan& plan, io::UrlParts origin,
                                                          io::HttpClient& client, const Clock& clock) {
  return std::make_unique<SessionAuthorizer>(plan, std::move(origin), client, clock);
}

}  // namespace firn::source
