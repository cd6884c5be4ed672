#include "source/http_auth.h"

#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <optional>

#include "base/hash.h"
#include "base/log.h"
#include "base/redactor.h"
#include "base/thread_annotations.h"
#include "expression/value.h"
#include "io/url.h"
#include "source/rest/errors.h"

namespace firn::source {
namespace {

using connector::AuthPlan;
using rest::DescribeKeys;
using rest::NamedError;
using std::chrono::seconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr seconds kExpiryMarginMax{60};
constexpr seconds kLifetimeUnknown{3600};    // a token without expires_in: RFC 6749 §5.1 leaves it open
constexpr seconds kExchangeWaitMax{60};      // for another process that exchanges the same refresh token
constexpr int64_t kTokenBytesMax = 1 << 20;  // of the answer

std::string Base64(const std::string& text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::string BasicHeader(const std::string& user, const std::string& password) {
  std::string value = Base64(user + ":" + password);
  ProcessRedactor().AddSecret(value);
  return "Basic " + value;
}

// Puts a constant header or query parameter on the requests of one origin.
class ConstantAuthorizer : public io::HttpAuthorizer {
 public:
  ConstantAuthorizer(io::UrlParts origin, bool in_query, std::string name, std::string value)
      : origin_(std::move(origin)), in_query_(in_query), name_(std::move(name)), value_(std::move(value)) {}

  Status Authorize(io::HttpRequest& request, std::stop_token /*stop*/) override {
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
    if (!target.SameOrigin(origin_)) return Status::OK();
    if (in_query_) {
      request.url = io::WithQueryReplaced(request.url, name_, value_);
    } else {
      request.headers.Set(name_, value_);
    }
    return Status::OK();
  }
  Result<bool> Renew(const io::HttpRequest& /*rejected*/, std::stop_token /*stop*/) override { return false; }

 private:
  const io::UrlParts origin_;
  const bool in_query_;
  const std::string name_;
  const std::string value_;
};

struct Token {
  std::string header;  // "Bearer …"
  SteadyTime refresh_at;
};

class OAuth2Authorizer : public io::HttpAuthorizer {
 public:
  OAuth2Authorizer(AuthPlan plan, io::UrlParts origin, io::HttpClient& client, const Clock& clock,
                   const state::RefreshTokens* kept)
      : plan_(std::move(plan)),
        origin_(std::move(origin)),
        clock_(clock),
        session_(client, clock, {.backoff = {.total_ms = 120'000, .attempts_max = 5}}),
        kept_(plan_.type == AuthPlan::Type::kOAuth2RefreshToken ? kept : nullptr),
        refresh_token_(plan_.refresh_token) {}

  Status Authorize(io::HttpRequest& request, std::stop_token stop) override {
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
    if (!target.SameOrigin(origin_)) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(std::string header, Current(/*rejected=*/"", stop));
    request.headers.Set("Authorization", std::move(header));
    return Status::OK();
  }

  Result<bool> Renew(const io::HttpRequest& rejected, std::stop_token stop) override {
    const auto used = rejected.headers.Get("Authorization");
    if (!used) return false;
    ARROW_RETURN_NOT_OK(Current(*used, stop).status());
    return true;
  }

 private:
  // Returns a token that is fresh and not `rejected`. One thread fetches, the others wait for it.
  Result<std::string> Current(std::string_view rejected, std::stop_token stop) {
    {
      MutexLock lock(mutex_);
      changed_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) { return !fetching_; });
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting for a token");
      const bool fresh = token_ && token_->header != rejected && clock_.Steady() < token_->refresh_at;
      if (fresh) return token_->header;
      fetching_ = true;
    }
    auto fetched = Fetch(stop);
    {
      MutexLock lock(mutex_);
      fetching_ = false;
      if (fetched.ok()) token_ = *fetched;
    }
    changed_.notify_all();
    if (!fetched.ok()) return fetched.status();
    return fetched->header;
  }

  io::HttpRequest TokenRequest() const {
    std::vector<std::pair<std::string, std::string>> form;
    if (plan_.type == AuthPlan::Type::kOAuth2RefreshToken) {
      form.emplace_back("grant_type", "refresh_token");
      form.emplace_back("refresh_token", refresh_token_);
    } else {
      form.emplace_back("grant_type", "client_credentials");
    }
    if (!plan_.scope.empty()) form.emplace_back("scope", plan_.scope);
    if (plan_.client_in_body) {
      form.emplace_back("client_id", plan_.client_id);
      if (!plan_.client_secret.empty()) form.emplace_back("client_secret", plan_.client_secret);
    }
    form.insert(form.end(), plan_.token_params.begin(), plan_.token_params.end());
    // Asking for a token again does no harm with client credentials. A refresh token may be rotated by the first
    // request, so an unknown outcome of that one must not be repeated blindly.
    io::HttpRequest request{
        .method = "POST",
        .url = plan_.token_url,
        .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}},
        .body_bytes_max = kTokenBytesMax,
        .follow_redirects = false,
        .repeatable = plan_.type == AuthPlan::Type::kOAuth2ClientCredentials};
    for (const auto& [name, value] : form) {
      request.body += (request.body.empty() ? "" : "&") + io::UrlEncode(name) + "=" + io::UrlEncode(value);
    }
    if (!plan_.client_in_body) request.headers.Set("Authorization", BasicHeader(plan_.client_id, plan_.client_secret));
    return request;
  }

  Status Refused(const std::string& message, std::string why) const {
    return NamedError(
        {.fault = Fault::kAuth,
         .code = "E0442",
         .message = message,
         .where = plan_.where,
         .why = std::move(why),
         .next = "check token_url, client_id, client_secret" +
                 std::string(plan_.type == AuthPlan::Type::kOAuth2RefreshToken ? " and refresh_token" : "") +
                 (refresh_token_ == plan_.refresh_token
                      ? ""
                      : "; the refresh token was exchanged for the one in " + kept_path() +
                            ": log in again for a new one, and configure that")});
  }

  // A refresh token given anew in the configuration begins a file of its own.
  std::string CredentialName() const {
    return Sha256Hex(plan_.token_url + '\n' + plan_.client_id + '\n' + plan_.refresh_token).substr(0, 32);
  }
  std::string kept_path() const { return kept_ == nullptr ? "memory" : kept_->PathOf(CredentialName()); }

  // Takes the newest refresh token, which another run or process may have been given. The lock is held until the
  // successor is kept.
  Result<std::optional<state::RefreshTokens::Lock>> TakeNewest(std::stop_token stop) {
    std::optional<state::RefreshTokens::Lock> lock;
    if (kept_ == nullptr) return lock;
    ARROW_ASSIGN_OR_RAISE(lock, kept_->Take(CredentialName(), kExchangeWaitMax, stop));
    ARROW_ASSIGN_OR_RAISE(const auto newest, kept_->Load(CredentialName(), plan_.refresh_token));
    if (newest) refresh_token_ = *newest;
    return lock;
  }

  // Called by one thread at a time (fetching_), so refresh_token_ needs no lock.
  Result<Token> Fetch(std::stop_token stop) {
    ARROW_ASSIGN_OR_RAISE(const auto exchange, TakeNewest(stop));
    const SteadyTime asked_at = clock_.Steady();
    auto response = session_.Send(TokenRequest(), stop);
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
    return Token{.header = "Bearer " + access->as_string(), .refresh_at = asked_at + Lifetime(*answer)};
  }

  // A margin of a tenth, at most a minute, so that a token does not expire on its way.
  static seconds Lifetime(const expression::Value& answer) {
    const expression::Value* expires = answer.Find("expires_in");
    seconds lifetime = kLifetimeUnknown;
    if (expires != nullptr) {
      const auto number = expression::Value::NumberText(expression::ToText(*expires));
      if (number.kind() == expression::Value::Kind::kInt) {
        lifetime = seconds(std::clamp<int64_t>(number.as_int(), 1, 366 * 86'400));
      }
    }
    return lifetime - std::min(kExpiryMarginMax, lifetime / 10);
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
                                         : kept_->Keep(CredentialName(), plan_.refresh_token, refresh_token_);
    // The old token is void already: going on with the new one in memory is the best that is left.
    if (!kept.ok()) {
      log::Error(
          "the server exchanged the refresh token, and the new one could not be kept: the next run must log in anew",
          {{"where", plan_.where}, {"reason", kept.message()}});
    }
  }

  const AuthPlan plan_;
  const io::UrlParts origin_;
  const Clock& clock_;
  io::HttpSession session_;
  const state::RefreshTokens* const kept_;  // null: no refresh tokens, or nowhere to keep them
  std::string refresh_token_;               // of the thread that fetches
  std::condition_variable_any changed_;
  Mutex mutex_;
  bool fetching_ FIRN_GUARDED_BY(mutex_) = false;
  std::optional<Token> token_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<io::HttpAuthorizer>> MakeAuthorizer(const AuthPlan& plan, const std::string& base_url,
                                                           io::HttpClient& client, const Clock& clock,
                                                           const state::RefreshTokens* kept) {
  std::unique_ptr<io::HttpAuthorizer> none;
  if (plan.type == AuthPlan::Type::kNone) return none;
  ARROW_ASSIGN_OR_RAISE(io::UrlParts origin, io::ParseUrl(base_url));
  for (const std::string* secret :
       {&plan.token, &plan.password, &plan.key_value, &plan.client_secret, &plan.refresh_token}) {
    if (!secret->empty()) ProcessRedactor().AddSecret(*secret);
  }
  const auto constant = [&](bool in_query, std::string name, std::string value) {
    return std::make_unique<ConstantAuthorizer>(std::move(origin), in_query, std::move(name), std::move(value));
  };
  switch (plan.type) {
    case AuthPlan::Type::kBearer:
      return constant(false, "Authorization", "Bearer " + plan.token);
    case AuthPlan::Type::kBasic:
      return constant(false, "Authorization", BasicHeader(plan.username, plan.password));
    case AuthPlan::Type::kApiKeyHeader:
      return constant(false, plan.key_name, plan.key_value);
    case AuthPlan::Type::kApiKeyQuery:
      return constant(true, plan.key_name, plan.key_value);
    case AuthPlan::Type::kOAuth2ClientCredentials:
    case AuthPlan::Type::kOAuth2RefreshToken:
      return std::make_unique<OAuth2Authorizer>(plan, std::move(origin), client, clock, kept);
    case AuthPlan::Type::kNone:
      break;
  }
  return none;
}

}  // namespace firn::source
