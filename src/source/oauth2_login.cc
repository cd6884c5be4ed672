#include "source/oauth2_login.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <memory>
#include <optional>

#include "base/base64.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/redactor.h"
#include "base/thread_annotations.h"
#include "expression/value.h"
#include "io/form_text.h"
#include "io/http_server.h"
#include "io/http_session.h"
#include "io/url.h"
#include "source/oauth2_authorizer.h"
#include "source/rest/errors.h"

namespace firn::source {
namespace {

using connector::AuthPlan;
using expression::Value;
using std::chrono::seconds;

constexpr int64_t kAnswerBytesMax = 1 << 20;
constexpr seconds kPollDefault{5};  // RFC 8628 §3.2
constexpr seconds kSlowDown{5};     // RFC 8628 §3.5

Status NotLoggedIn(const AuthPlan& plan, std::string message, std::string why = "", std::string next = "") {
  if (next.empty()) next = "check client_id, client_secret, scopes and the urls of `auth`, and log in again";
  return rest::NamedError({.fault = Fault::kAuth,
                           .code = "E0555",
                           .message = std::move(message),
                           .where = plan.where,
                           .why = std::move(why),
                           .next = std::move(next)});
}

// 256 random bits as text.
std::string Secret() {
  std::array<uint8_t, 32> bytes;
  FillRandom(bytes);
  return Base64Url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string Challenge(const std::string& verifier) {
  Sha256 hash;
  hash.Update(verifier);
  const Sha256Digest digest = hash.Finish();
  return Base64Url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// Waits on one thread for what the browser brings to another.
class Callback {
 public:
  explicit Callback(std::string state) : state_(std::move(state)) {}

  io::ServedResponse Serve(const io::ServedRequest& request) {
    const auto answer = [](int status, const char* text) {
      return io::ServedResponse{.status = status, .body = text, .headers = {{"Content-Type", "text/plain"}}};
    };
    if (request.path != "/callback") return answer(404, "not found\n");
    // Somebody else's page may send the browser here: without the state that we gave, it is not our login.
    if (request.Query("state") != state_) return answer(400, "this is not the login that was begun\n");
    {
      MutexLock lock(mutex_);
      if (came_) return answer(409, "the login is over\n");
      came_ = request;
    }
    arrived_.notify_all();
    return request.Query("code") ? answer(200, "Logged in. This window can be closed.\n")
                                 : answer(200, "The login was refused. This window can be closed.\n");
  }

  /// Returns the request, nullopt after `wait_max` or when stopped.
  std::optional<io::ServedRequest> Wait(seconds wait_max, std::stop_token stop) {
    MutexLock lock(mutex_);
    arrived_.wait_for(lock, stop, wait_max, [&]() FIRN_REQUIRES(mutex_) { return came_.has_value(); });
    return came_;
  }

 private:
  const std::string state_;
  std::condition_variable_any arrived_;
  Mutex mutex_;
  std::optional<io::ServedRequest> came_ FIRN_GUARDED_BY(mutex_);
};

class TokenEndpoint {
 public:
  TokenEndpoint(const AuthPlan& plan, io::HttpClient& client, const Clock& clock)
      : plan_(plan), session_(client, clock, {.classify = AcceptRefusals}) {}

  // Sends a form with the client's name and proof. A refusal is an answer here: it says what to do next.
  Result<Value> Ask(const std::string& url, std::vector<std::pair<std::string, std::string>> form,
                    std::stop_token stop) {
    if (plan_.client_in_body || plan_.client_secret.empty()) {
      form.emplace_back("client_id", plan_.client_id);
      if (!plan_.client_secret.empty()) form.emplace_back("client_secret", plan_.client_secret);
    }
    io::HttpRequest request{.method = "POST",
                            .url = url,
                            .headers = {{"Content-Type", io::kFormType}, {"Accept", "application/json"}},
                            .body = io::FormText(form),
                            .body_bytes_max = kAnswerBytesMax,
                            .follow_redirects = false,
                            .repeatable = false};  // a code is good for one exchange
    if (!plan_.client_in_body && !plan_.client_secret.empty()) {
      request.headers.Set("Authorization", BasicHeader(plan_.client_id, plan_.client_secret));
    }
    ARROW_ASSIGN_OR_RAISE(const io::HttpResponse response, session_.Send(request, std::move(stop)));
    auto answer = expression::ParseJson(response.text());
    if (!answer.ok()) return NotLoggedIn(plan_, "the answer of the server is no JSON");
    return answer;
  }

  Result<std::string> TokenOf(const Value& answer) const {
    if (answer.Find("error") != nullptr) return Refused(answer);
    const Value token = expression::AtPath(answer, "refresh_token");
    if (!token.is_string() || token.as_string().empty()) {
      return NotLoggedIn(plan_, "the login gave no refresh token", rest::DescribeKeys(expression::ToJson(answer)),
                         "ask for one: `scopes: [offline_access]`, or with Google `access_type=offline&prompt=consent` "
                         "in the query of authorize_url");
    }
    ProcessRedactor().AddSecret(token.as_string());
    return token.as_string();
  }

  Status Refused(const Value& answer) const {
    return NotLoggedIn(plan_, "the login was refused: " + expression::ToText(expression::AtPath(answer, "error")),
                       expression::ToText(expression::AtPath(answer, "error_description")));
  }

 private:
  static std::optional<io::HttpVerdict> AcceptRefusals(const io::HttpResponse& response) {
    if (response.status != 400 && response.status != 401 && response.status != 403) return std::nullopt;
    return io::HttpVerdict{};
  }

  const AuthPlan& plan_;
  io::HttpSession session_;
};

int64_t NumberAt(const Value& answer, std::string_view name, int64_t otherwise) {
  const Value number = Value::NumberText(expression::ToText(expression::AtPath(answer, name)));
  return number.kind() == Value::Kind::kInt ? number.as_int() : otherwise;
}

}  // namespace

Result<std::string> LogInWithBrowser(const AuthPlan& plan, const LoginOptions& options, io::HttpClient& client,
                                     const Clock& clock, std::stop_token stop) {
  const std::string state = Secret();
  const std::string verifier = Secret();
  Callback callback(state);
  ARROW_ASSIGN_OR_RAISE(const auto server,
                        io::HttpServer::Start({.port = options.port, .threads = 1},
                                              [&](const io::ServedRequest& request, std::stop_token) {
                                                return callback.Serve(request);
                                              }));
  const std::string redirect = server->url() + "/callback";
  std::string url = options.authorize_url;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"response_type", "code"},
                                                        {"client_id", plan.client_id},
                                                        {"redirect_uri", redirect},
                                                        {"scope", plan.scope},
                                                        {"state", state},
                                                        {"code_challenge", Challenge(verifier)},
                                                        {"code_challenge_method", "S256"}}) {
    if (!value.empty()) url = io::WithQueryReplaced(url, name, value);
  }
  options.show({.url = url, .code = ""});
  const auto came = callback.Wait(options.wait_max, stop);
  server->Stop(seconds(5));  // what the browser is told goes out first
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting for a login");
  if (!came) return NotLoggedIn(plan, "nobody logged in in time", "", "firn auth login again");
  const auto code = came->Query("code");
  if (!code) {
    return NotLoggedIn(plan, "the login was refused: " + came->Query("error").value_or("no code was given"),
                       came->Query("error_description").value_or(""));
  }
  ProcessRedactor().AddSecret(*code);
  TokenEndpoint endpoint(plan, client, clock);
  ARROW_ASSIGN_OR_RAISE(const Value answer, endpoint.Ask(plan.token_url,
                                                         {{"grant_type", "authorization_code"},
                                                          {"code", *code},
                                                          {"redirect_uri", redirect},
                                                          {"code_verifier", verifier}},
                                                         stop));
  return endpoint.TokenOf(answer);
}

Result<std::string> LogInWithDevice(const AuthPlan& plan, const LoginOptions& options, io::HttpClient& client,
                                    const Clock& clock, std::stop_token stop) {
  TokenEndpoint endpoint(plan, client, clock);
  std::vector<std::pair<std::string, std::string>> form;
  if (!plan.scope.empty()) form.emplace_back("scope", plan.scope);
  ARROW_ASSIGN_OR_RAISE(const Value begun, endpoint.Ask(options.device_url, form, stop));
  const std::string device_code = expression::ToText(expression::AtPath(begun, "device_code"));
  if (device_code.empty()) return endpoint.Refused(begun);
  ProcessRedactor().AddSecret(device_code);
  options.show({.url = expression::ToText(expression::AtPath(begun, "verification_uri")),
                .code = expression::ToText(expression::AtPath(begun, "user_code"))});
  const seconds lifetime(std::clamp<int64_t>(NumberAt(begun, "expires_in", 300), 1, 3600));
  const auto deadline = clock.Steady() + std::min(lifetime, options.wait_max);
  seconds poll(std::clamp<int64_t>(NumberAt(begun, "interval", kPollDefault.count()), 1, 60));
  while (clock.Steady() < deadline) {
    ARROW_RETURN_NOT_OK(clock.Sleep(poll, stop));
    ARROW_ASSIGN_OR_RAISE(
        const Value answer,
        endpoint.Ask(plan.token_url,
                     {{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}, {"device_code", device_code}},
                     stop));
    const std::string error = expression::ToText(expression::AtPath(answer, "error"));
    if (error == "slow_down") poll += kSlowDown;
    if (error != "authorization_pending" && error != "slow_down") return endpoint.TokenOf(answer);
  }
  return NotLoggedIn(plan, "nobody logged in in time", "", "firn auth login again");
}

}  // namespace firn::source
