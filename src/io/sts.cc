#include "io/sts.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/redactor.h"
#include "io/http_session.h"
#include "io/url.h"

namespace firn::io {
namespace {

constexpr int64_t kAnswerBytesMax = 1 << 20;
constexpr int64_t kSlackMs = 5 * 60'000;

class Signer : public HttpAuthorizer {
 public:
  Signer(std::optional<AwsKeys> keys, std::string region, const Clock& clock)
      : keys_(std::move(keys)), region_(std::move(region)), clock_(clock) {}
  Status Authorize(HttpRequest& request, std::stop_token) override {
    if (!keys_) return Status::OK();
    return SignRequest(request, *keys_, {.region = region_, .service = "sts"}, clock_.Now());
  }
  Result<bool> Renew(const HttpRequest&, std::stop_token) override { return false; }

 private:
  const std::optional<AwsKeys> keys_;
  const std::string region_;
  const Clock& clock_;
};

std::string FormOf(const RoleRequest& request) {
  const bool web = !request.web_identity_token.empty();
  std::string form =
      std::string("Action=") + (web ? "AssumeRoleWithWebIdentity" : "AssumeRole") + "&Version=2011-06-15";
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) form += std::string("&") + name + "=" + UrlEncode(value);
  };
  add("RoleArn", request.role_arn);
  add("RoleSessionName", request.session_name);
  add("DurationSeconds", std::to_string(request.lifetime_s));
  add("Policy", request.policy);
  if (web) {
    add("WebIdentityToken", request.web_identity_token);
  } else {
    add("ExternalId", request.external_id);
  }
  return form;
}

// The text of the only element of that name; the answers are flat where it matters, and keys need no entities.
std::string Element(std::string_view xml, const std::string& name) {
  const std::string open = "<" + name + ">";
  const size_t begin = xml.find(open);
  if (begin == std::string_view::npos) return "";
  const size_t end = xml.find('<', begin + open.size());
  if (end == std::string_view::npos) return "";
  return std::string(xml.substr(begin + open.size(), end - begin - open.size()));
}

Result<TemporaryKeys> Parse(std::string_view xml) {
  TemporaryKeys temporary{.keys = {.access_key_id = Element(xml, "AccessKeyId"),
                                   .secret_access_key = Element(xml, "SecretAccessKey"),
                                   .session_token = Element(xml, "SessionToken")}};
  const auto expires = ParseTimestamp(Element(xml, "Expiration"));
  if (temporary.keys.access_key_id.empty() || temporary.keys.secret_access_key.empty() || !expires.ok()) {
    return MakeError(Fault::kBadData, "the token service answered without keys",
                     {.next = "check lake.storage.sts_endpoint"});
  }
  temporary.expires_ms = expires->micros / 1000;
  ProcessRedactor().AddSecret(temporary.keys.secret_access_key);
  ProcessRedactor().AddSecret(temporary.keys.session_token);
  return temporary;
}

}  // namespace

Result<TemporaryKeys> AssumeRole(HttpClient& client, const Clock& clock, const RoleRequest& request,
                                 const std::optional<AwsKeys>& signer, std::stop_token stop) {
  Signer authorizer(signer, request.region, clock);
  HttpSession session(client, clock,
                      {.backoff = {.base_ms = 200, .total_ms = 60'000, .attempts_max = 6},
                       .authorizer = &authorizer,
                       .classify = [](const HttpResponse& response) -> std::optional<HttpVerdict> {
                         if (response.status < 400 || response.status >= 500 || response.status == 429)
                           return std::nullopt;
                         return HttpVerdict{.action = HttpVerdict::Action::kAccept};
                       }});
  std::string url = request.endpoint;
  if (!url.ends_with('/')) url += '/';
  HttpRequest post{.method = "POST",
                   .url = std::move(url),
                   .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/xml"}},
                   .body = FormOf(request),
                   .body_bytes_max = kAnswerBytesMax,
                   .follow_redirects = false,
                   .repeatable = true};
  ARROW_ASSIGN_OR_RAISE(const HttpResponse response, session.Send(post, stop));
  if (response.status >= 300) {
    const std::string code = Element(response.text(), "Code");
    return MakeError(Fault::kAuth, "the token service refused the role: " + (code.empty() ? "no reason given" : code),
                     {.why = "HTTP status " + std::to_string(response.status),
                      .next = "check role_arn, external_id and who may assume the role"});
  }
  return Parse(response.text());
}

int64_t RenewalOf(int64_t now_ms, int64_t expires_ms) {
  return expires_ms - std::min(kSlackMs, std::max<int64_t>(0, expires_ms - now_ms) / 2);
}

Result<TemporaryKeys> RenewingKeys::Current() {
  MutexLock lock(mutex_);
  const int64_t now_ms = clock_.Now().micros / 1000;
  if (keys_ && (keys_->expires_ms == 0 || now_ms < renew_ms_)) return *keys_;
  auto fetched = fetch_();  // under the lock: whoever needs keys has to wait for them anyway
  if (fetched.ok()) {
    keys_ = *std::move(fetched);
    renew_ms_ = RenewalOf(now_ms, keys_->expires_ms);
    return *keys_;
  }
  if (!keys_ || keys_->expires_ms <= now_ms) return fetched.status();
  log::Warn("temporary keys could not be renewed yet", {{"reason", fetched.status().message()}});
  return *keys_;
}

}  // namespace firn::io
