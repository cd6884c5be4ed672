#include "source/oauth2_authorizer.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/base64.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/redactor.h"
#include "expression/value.h"
#include "io/form_text.h"
#include "io/url.h"
#include "source/jwt_token.h"
#include "source/renewed_authorizer.h"
#include "source/rest/errors.h"

namespace firn::source {
namespace {

using connector::AuthPlan;
using rest::DescribeKeys;
using rest::NamedError;
using std::chrono::seconds;

constexpr seconds kLifetimeUnknown{3600};    // a token without expires_in: RFC 6749 §5.1 leaves it open
constexpr seconds kExchangeWaitMax{60};      // for another process that exchanges the same refresh token
constexpr int64_t kTokenBytesMax = 1 << 20;  // of the answer

using Form = std::vector<std::pair<std::string, std::string>>;

// What a kept token is encrypted under where it leaves the machine.
const std::string& KeepingSecret(const AuthPlan& plan) {
  return plan.refresh_token.empty() ? plan.client_secret : plan.refresh_token;
}

class OAuth2Authorizer : public RenewedAuthorizer {
 public:
  OAuth2Authorizer(AuthPlan plan, io::UrlParts origin, io::HttpClient& client, const Clock& clock,
                   const state::RefreshTokens* kept)
      : RenewedAuthorizer(std::move(origin), "Authorization", clock),
        plan_(std::move(plan)),
        session_(client, clock, {.backoff = {.total_ms = 120'000, .attempts_max = 5}}),
        kept_(plan_.type == AuthPlan::Type::kOAuth2RefreshToken ? kept : nullptr),
        refresh_token_(plan_.refresh_token) {}

 private:
  Result<Form> Grant() const {
    switch (plan_.type) {
      case AuthPlan::Type::kOAuth2RefreshToken:
        return Form{{"grant_type", "refresh_token"}, {"refresh_token", refresh_token_}};
      case AuthPlan::Type::kOAuth2Password:
        return Form{{"grant_type", "password"}, {"username", plan_.username}, {"password", plan_.password}};
      case AuthPlan::Type::kJwt: {
        ARROW_ASSIGN_OR_RAISE(std::string assertion, SignedToken(plan_.jwt, plan_.where, clock().Now()));
        return Form{{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", std::move(assertion)}};
      }
      default:
        return Form{{"grant_type", "client_credentials"}};
    }
  }

  Result<io::HttpRequest> TokenRequest() const {
    ARROW_ASSIGN_OR_RAISE(Form form, Grant());
    if (!plan_.scope.empty()) form.emplace_back("scope", plan_.scope);
    if (plan_.client_in_body && !plan_.client_id.empty()) {
      form.emplace_back("client_id", plan_.client_id);
      if (!plan_.client_secret.empty()) form.emplace_back("client_secret", plan_.client_secret);
    }
    form.insert(form.end(), plan_.token_params.begin(), plan_.token_params.end());
    // Asking for a token again does no harm but with a refresh token: it may be rotated by the first request, so an
    // unknown outcome of that one must not be repeated blindly.
    io::HttpRequest request{.method = "POST",
                            .url = plan_.token_url,
                            .headers = {{"Content-Type", io::kFormType}, {"Accept", "application/json"}},
                            .body = io::FormText(form),
                            .body_bytes_max = kTokenBytesMax,
                            .follow_redirects = false,
                            .repeatable = plan_.type != AuthPlan::Type::kOAuth2RefreshToken};
    if (!plan_.client_in_body) request.headers.Set("Authorization", BasicHeader(plan_.client_id, plan_.client_secret));
    return request;
  }

  const char* NameOfCredentials() const {
    switch (plan_.type) {
      case AuthPlan::Type::kOAuth2RefreshToken:
        return "client_id, client_secret and refresh_token";
      case AuthPlan::Type::kOAuth2Password:
        return "client_id, client_secret, username and password";
      case AuthPlan::Type::kJwt:
        return "key, key_id and claims";
      default:
        return "client_id and client_secret";
    }
  }

  Status Refused(const std::string& message, std::string why) const {
    return NamedError({.fault = Fault::kAuth,
                       .code = "E0442",
                       .message = message,
                       .where = plan_.where,
                       .why = std::move(why),
                       .next = "check token_url and " + std::string(NameOfCredentials()) +
                               (refresh_token_ == plan_.refresh_token
                                    ? ""
                                    : "; the refresh token was exchanged for the one in " + kept_path() +
                                          ": log in again for a new one, and configure that")});
  }

  std::string kept_path() const { return kept_ == nullptr ? "memory" : kept_->PathOf(CredentialName(plan_)); }

  // Takes the newest refresh token, which another run or process may have been given. The lock is held until the
  // successor is kept.
  Result<std::optional<state::RefreshTokens::Lock>> TakeNewest(std::stop_token stop) {
    std::optional<state::RefreshTokens::Lock> lock;
    if (kept_ == nullptr) return lock;
    ARROW_ASSIGN_OR_RAISE(lock, kept_->Take(CredentialName(plan_), kExchangeWaitMax, stop));
    ARROW_ASSIGN_OR_RAISE(const auto newest, kept_->Load(CredentialName(plan_), KeepingSecret(plan_)));
    if (newest) refresh_token_ = *newest;
    return lock;
  }

  // Called by one thread at a time, so refresh_token_ needs no lock.
  Result<Credential> Fetch(std::stop_token stop) override {
    ARROW_ASSIGN_OR_RAISE(const auto exchange, TakeNewest(stop));
    if (plan_.type == AuthPlan::Type::kOAuth2RefreshToken && refresh_token_.empty()) {
      return NamedError({.fault = Fault::kAuth,
                         .code = "E0555",
                         .message = "nobody has logged in yet",
                         .where = plan_.where,
                         .next = "firn auth login <pipeline>"});
    }
    const auto asked_at = clock().Steady();
    ARROW_ASSIGN_OR_RAISE(const io::HttpRequest request, TokenRequest());
    auto response = session_.Send(request, stop);
    if (!response.ok()) {
      const Fault fault = FaultOf(response.status());
      // 400 invalid_grant and the like arrive as kConfig: it is the credentials that are wrong.
      if (fault != Fault::kConfig && fault != Fault::kAuth) return Within("token request", response.status());
      const auto* context = ContextOf(response.status());
      return Refused("the token request was refused: " + response.status().message(), context ? context->why : "");
    }
    const auto answer = expression::ParseJson(response->text());
    const expression::Value* access = answer.ok() ? answer->Find("access_token") : nullptr;
    if (access == nullptr || !access->is_string() || access->as_string().empty()) {
      return Refused("the token endpoint gave no access_token",
                     answer.ok() ? DescribeKeys(response->text()) : "no JSON");
    }
    ProcessRedactor().AddSecret(access->as_string());
    KeepRotated(*answer);
    return Credential{.value = "Bearer " + access->as_string(), .renew_at = RenewAt(asked_at, Lifetime(*answer))};
  }

  static seconds Lifetime(const expression::Value& answer) {
    const expression::Value* expires = answer.Find("expires_in");
    seconds lifetime = kLifetimeUnknown;
    if (expires != nullptr) {
      const auto number = expression::Value::NumberText(expression::ToText(*expires));
      if (number.kind() == expression::Value::Kind::kInt) {
        lifetime = seconds(std::clamp<int64_t>(number.as_int(), 1, 366 * 86'400));
      }
    }
    return lifetime;
  }

  void KeepRotated(const expression::Value& answer) {
    const expression::Value* rotated = answer.Find("refresh_token");
    if (plan_.type != AuthPlan::Type::kOAuth2RefreshToken || rotated == nullptr || !rotated->is_string() ||
        rotated->as_string().empty() || rotated->as_string() == refresh_token_) {
      return;
    }
    refresh_token_ = rotated->as_string();
    ProcessRedactor().AddSecret(refresh_token_);
    const Status kept = kept_ == nullptr ? MakeError(Fault::kConfig, "there is no state folder")
                                         : kept_->Keep(CredentialName(plan_), KeepingSecret(plan_), refresh_token_);
    // The old token is void already: going on with the new one in memory is the best that is left.
    if (!kept.ok()) {
      log::Error(
          "the server exchanged the refresh token, and the new one could not be kept: the next run must log in anew",
          {{"where", plan_.where}, {"reason", kept.message()}});
    }
  }

  const AuthPlan plan_;
  io::HttpSession session_;
  const state::RefreshTokens* const kept_;  // null: no refresh tokens, or nowhere to keep them
  std::string refresh_token_;               // of the thread that fetches
};

}  // namespace

std::string CredentialName(const AuthPlan& plan) {
  return Sha256Hex(plan.token_url + '\n' + plan.client_id + '\n' + plan.refresh_token).substr(0, 32);
}

Status KeepLogin(const AuthPlan& plan, const state::RefreshTokens& kept, const std::string& token,
                 std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto lock, kept.Take(CredentialName(plan), kExchangeWaitMax, std::move(stop)));
  return kept.Keep(CredentialName(plan), KeepingSecret(plan), token);
}

std::string BasicHeader(const std::string& user, const std::string& password) {
  std::string value = Base64(user + ":" + password);
  ProcessRedactor().AddSecret(value);
  return "Basic " + value;
}

std::unique_ptr<io::HttpAuthorizer> MakeOAuth2Authorizer(const AuthPlan& plan, io::UrlParts origin,
                                                         io::HttpClient& client, const Clock& clock,
                                                         const state::RefreshTokens* kept) {
  return std::make_unique<OAuth2Authorizer>(plan, std::move(origin), client, clock, kept);
}

}  // namespace firn::source
