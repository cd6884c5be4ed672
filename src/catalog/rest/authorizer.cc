#include "catalog/rest/authorizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/redactor.h"
#include "base/thread_annotations.h"
#include "io/aws_signature.h"
#include "io/url.h"

namespace firn::catalog::rest {
namespace {

constexpr int64_t kTokenBytesMax = 1 << 20;
constexpr int64_t kLifetimeDefaultSeconds = 3600;
constexpr int64_t kLifetimeSecondsMax = 366 * 86'400;

class BearerAuthorizer : public io::HttpAuthorizer {
 public:
  BearerAuthorizer(io::UrlParts origin, std::string token) : origin_(std::move(origin)), token_(std::move(token)) {}
  Status Authorize(io::HttpRequest& request, std::stop_token) override {
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
    if (target.SameOrigin(origin_)) request.headers.Set("Authorization", "Bearer " + token_);
    return Status::OK();
  }
  Result<bool> Renew(const io::HttpRequest&, std::stop_token) override { return false; }

 private:
  const io::UrlParts origin_;
  const std::string token_;
};

class SigV4Authorizer : public io::HttpAuthorizer {
 public:
  SigV4Authorizer(io::UrlParts origin, io::AwsKeySource keys, io::SigV4Scope scope, const Clock& clock)
      : origin_(std::move(origin)), keys_(std::move(keys)), scope_(std::move(scope)), clock_(clock) {}
  Status Authorize(io::HttpRequest& request, std::stop_token) override {
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
    if (!target.SameOrigin(origin_)) return Status::OK();
    request.follow_redirects = false;  // another path would need another signature
    ARROW_ASSIGN_OR_RAISE(const io::TemporaryKeys current, keys_());
    return io::SignRequest(request, current.keys, scope_, clock_.Now());
  }
  Result<bool> Renew(const io::HttpRequest&, std::stop_token) override { return false; }

 private:
  const io::UrlParts origin_;
  const io::AwsKeySource keys_;
  const io::SigV4Scope scope_;
  const Clock& clock_;
};

struct OAuth2Options {
  std::string token_url;
  std::string client_id;
  std::string client_secret;
  std::string scope;
};

// RFC 6749 §4.4. The lock is held while a token is fetched: whoever needs one has to wait for it anyway.
class OAuth2Authorizer : public io::HttpAuthorizer {
 public:
  OAuth2Authorizer(io::UrlParts origin, OAuth2Options options, io::HttpClient& client, const Clock& clock)
      : origin_(std::move(origin)),
        options_(std::move(options)),
        clock_(clock),
        session_(client, clock, {.backoff = {.total_ms = 60'000, .attempts_max = 5}}) {}

  Status Authorize(io::HttpRequest& request, std::stop_token stop) override {
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
    if (!target.SameOrigin(origin_)) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const std::string token, Current("", stop));
    request.headers.Set("Authorization", "Bearer " + token);
    return Status::OK();
  }
  Result<bool> Renew(const io::HttpRequest& rejected, std::stop_token stop) override {
    const auto used = rejected.headers.Get("Authorization");
    if (!used || !used->starts_with("Bearer ")) return false;
    ARROW_RETURN_NOT_OK(Current(used->substr(7), stop).status());
    return true;
  }

 private:
  Result<std::string> Current(std::string_view rejected, std::stop_token stop) FIRN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!token_.empty() && token_ != rejected && clock_.Steady() < refresh_at_) return token_;
    io::HttpRequest request{
        .method = "POST",
        .url = options_.token_url,
        .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}},
        .body = "grant_type=client_credentials&client_id=" + io::UrlEncode(options_.client_id) +
                "&client_secret=" + io::UrlEncode(options_.client_secret) + "&scope=" + io::UrlEncode(options_.scope),
        .body_bytes_max = kTokenBytesMax,
        .follow_redirects = false,
        .repeatable = true};
    ARROW_ASSIGN_OR_RAISE(const auto response, session_.Send(request, stop));
    return Take(response.text());
  }

  Result<std::string> Take(std::string_view text) FIRN_REQUIRES(mutex_) {
    const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    const auto token = json.is_object() ? json.find("access_token") : json.end();
    if (!json.is_object() || token == json.end() || !token->is_string()) {
      return MakeError(Fault::kAuth, "the token endpoint answered without an access_token");
    }
    const auto expires = json.find("expires_in");
    const int64_t seconds =
        expires != json.end() && expires->is_number_integer() ? expires->get<int64_t>() : kLifetimeDefaultSeconds;
    token_ = token->get<std::string>();
    ProcessRedactor().AddSecret(token_);
    const int64_t lifetime = std::clamp<int64_t>(seconds, 1, kLifetimeSecondsMax);
    refresh_at_ = clock_.Steady() + std::chrono::seconds(lifetime - std::min<int64_t>(lifetime / 2, 60));
    return token_;
  }

  const io::UrlParts origin_;
  const OAuth2Options options_;
  const Clock& clock_;
  io::HttpSession session_;
  Mutex mutex_;
  std::string token_ FIRN_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point refresh_at_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<io::HttpAuthorizer>> MakeAuthorizer(const config::RestCatalogConfig& config,
                                                           io::HttpClient& client, const Clock& clock,
                                                           io::AwsKeySource aws_keys) {
  ARROW_ASSIGN_OR_RAISE(io::UrlParts origin, io::ParseUrl(config.uri));
  if (!config.sigv4_region.empty()) {
    if (!aws_keys) return MakeError(Fault::kConfig, "requests are to be signed, and there is no source of AWS keys");
    return std::make_unique<SigV4Authorizer>(
        std::move(origin), std::move(aws_keys),
        io::SigV4Scope{.region = config.sigv4_region, .service = config.sigv4_service}, clock);
  }
  if (!config.credential.empty()) {
    const size_t colon = config.credential.find(':');
    if (colon == std::string::npos) {
      return MakeError(Fault::kConfig, "the catalog's credential is not of the form id:secret");
    }
    OAuth2Options options{.token_url = config.oauth2_server_uri,
                          .client_id = config.credential.substr(0, colon),
                          .client_secret = config.credential.substr(colon + 1),
                          .scope = config.scope};
    if (options.token_url.empty()) options.token_url = config.uri + "/v1/oauth/tokens";
    ARROW_RETURN_NOT_OK(io::ParseUrl(options.token_url).status());
    ProcessRedactor().AddSecret(options.client_secret);
    return std::make_unique<OAuth2Authorizer>(std::move(origin), std::move(options), client, clock);
  }
  if (!config.token.empty()) {
    ProcessRedactor().AddSecret(config.token);
    return std::make_unique<BearerAuthorizer>(std::move(origin), config.token);
  }
  return nullptr;
}

}  // namespace firn::catalog::rest
