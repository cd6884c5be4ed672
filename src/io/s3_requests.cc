#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/random.h"
#include "io/aws_signature.h"
#include "io/http_session.h"
#include "io/object_error.h"
#include "io/object_requests.h"
#include "io/url.h"

namespace firn::io {
namespace {

// Says which call made an object (S3 API reference, PutObject, "x-amz-meta-*").
constexpr char kWriterField[] = "x-amz-meta-firn-writer";
constexpr char kConditionUnknownCode[] = "E0872";
constexpr int64_t kBudgetMs = 120'000;

class S3Signer : public HttpAuthorizer {
 public:
  S3Signer(std::function<S3Keys()> keys, std::string region, const Clock& clock)
      : keys_(std::move(keys)), region_(std::move(region)), clock_(clock) {}
  Status Authorize(HttpRequest& request, std::stop_token) override {
    S3Keys keys = keys_();
    if (keys.access_key.empty()) return Status::OK();  // anonymous
    return SignRequest(request,
                       {.access_key_id = std::move(keys.access_key),
                        .secret_access_key = std::move(keys.secret_key),
                        .session_token = std::move(keys.session_token)},
                       {.region = region_, .service = "s3"}, clock_.Now());
  }
  Result<bool> Renew(const HttpRequest&, std::stop_token) override { return false; }

 private:
  const std::function<S3Keys()> keys_;
  const std::string region_;
  const Clock& clock_;
};

// "<Code>AccessDenied</Code>" of an error's body (S3 API reference, "Error Responses"): letters only.
std::string CodeOf(const HttpResponse& response) {
  std::string_view text = response.text();
  const size_t begin = text.find("<Code>");
  if (begin == std::string_view::npos) return "";
  text = text.substr(begin + 6, 64);
  const auto end = std::ranges::find_if(text, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) == 0; });
  return std::string(text.begin(), end);
}

// What 4xx and 501 mean is said by the callers and by ErrorOf; 409 (S3 API reference, PutObject,
// "ConditionalRequestConflict") and 408 ask to try again.
std::optional<HttpVerdict> Judge(const HttpResponse& response) {
  using Action = HttpVerdict::Action;
  const int status = response.status;
  if (status == 409) return HttpVerdict{.action = Action::kRetry, .reason = "conditional request conflict"};
  if (status == 503) return HttpVerdict{.action = Action::kRetry, .reason = "slow down"};
  if (status == 400 && CodeOf(response) == "RequestTimeout") {
    return HttpVerdict{.action = Action::kRetry, .reason = "request timeout"};
  }
  if (status == 501 || (status >= 300 && status < 500 && status != 408 && status != 429)) {
    return HttpVerdict{.action = Action::kAccept};
  }
  return std::nullopt;
}

Status ErrorOf(const HttpRequest& request, const std::string& location, const HttpResponse& response) {
  const char* what = request.method == "DELETE" ? "remove"
                     : request.method == "HEAD" ? "look up"
                     : request.method == "GET"  ? "read"
                                                : "write";
  return ObjectError(what, location, Status::IOError("HTTP status ", response.status, " ", CodeOf(response)));
}

std::string NewWriter() {
  std::array<uint8_t, 16> bytes{};
  FillRandom(bytes);
  return HexOf(bytes.data(), bytes.size());
}

class S3Requests : public ObjectRequests {
 public:
  S3Requests(S3Connection connection, std::unique_ptr<HttpClient> client, const Clock& clock, const S3Retries& retries)
      : connection_(std::move(connection)),
        client_(std::move(client)),
        signer_(connection_.keys, connection_.region, clock),
        session_(*client_, clock,
                 {.backoff = {.base_ms = retries.delay_ms,
                              .delay_ms_max = retries.delay_ms_max,
                              .total_ms = kBudgetMs,
                              .attempts_max = static_cast<int>(retries.attempts_max)},
                  .sleep_scale = retries.sleep_scale,
                  .authorizer = &signer_,
                  .classify = Judge}) {}

  Status Put(const std::string& bucket, const std::string& key, std::string_view bytes) override {
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send("PUT", bucket, key, bytes, {}));
    if (response.status == 501) return MakeError(Fault::kConfig, "the object store refused a PUT with status 501");
    return response.status == 404 ? NoBucket(bucket) : Status::OK();
  }

  Status PutIfAbsent(const std::string& bucket, const std::string& key, std::string_view bytes) override {
    const std::string writer = NewWriter();
    HttpHeaders headers = {{"If-None-Match", "*"}, {kWriterField, writer}};
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send("PUT", bucket, key, bytes, std::move(headers)));
    if (response.status == 404) return NoBucket(bucket);
    if (response.status == 501) return ConditionUnknown("If-None-Match");
    if (response.status != 412) return Status::OK();
    // Somebody was first: perhaps an earlier attempt of this call, whose answer was lost.
    ARROW_ASSIGN_OR_RAISE(const HttpResponse found, Send("HEAD", bucket, key, "", {}));
    if (found.headers.Get(kWriterField) == writer) return Status::OK();
    return MakeError(Fault::kConflict, "create s3://" + bucket + "/" + key + ": it exists already");
  }

  Result<std::optional<Object>> Get(const std::string& bucket, const std::string& key, int64_t bytes_max) override {
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, Send("GET", bucket, key, "", {}, bytes_max));
    if (response.status == 404) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(std::string etag, EtagOf(response, bucket, key));
    return Object{.bytes = std::string(response.text()), .etag = std::move(etag)};
  }

  Result<std::string> PutIf(const std::string& bucket, const std::string& key, std::string_view bytes,
                            const std::optional<std::string>& etag) override {
    const std::string writer = NewWriter();
    HttpHeaders headers = {{kWriterField, writer}};
    headers.Set(etag ? "If-Match" : "If-None-Match", etag.value_or("*"));
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send("PUT", bucket, key, bytes, std::move(headers)));
    if (response.status == 501) return ConditionUnknown(etag ? "If-Match" : "If-None-Match");
    if (response.status == 404 && !etag) return NoBucket(bucket);
    if (response.status < 300) return EtagOf(response, bucket, key);
    ARROW_ASSIGN_OR_RAISE(const HttpResponse found, Send("HEAD", bucket, key, "", {}));
    if (found.headers.Get(kWriterField) == writer) return EtagOf(found, bucket, key);
    return MakeError(Fault::kConflict, "somebody else has changed s3://" + bucket + "/" + key);
  }

  Status Delete(const std::string& bucket, const std::string& key) override {
    return Send("DELETE", bucket, key, "", {}).status();
  }

 private:
  static Status ConditionUnknown(const std::string& condition) {
    return MakeError(Fault::kConfig, "the object store does not know conditional writes",
                     {.code = kConditionUnknownCode, .why = condition + " was answered with 501"});
  }

  static Result<std::string> EtagOf(const HttpResponse& response, const std::string& bucket, const std::string& key) {
    auto etag = response.headers.Get("ETag");
    if (etag && !etag->empty()) return std::string(*etag);
    return MakeError(Fault::kBadData, "the object store sent no ETag of s3://" + bucket + "/" + key);
  }

  static Status NoBucket(const std::string& bucket) {
    return MakeError(Fault::kConfig, "there is no bucket " + bucket,
                     {.next = "create the bucket, or correct lake.warehouse"});
  }

  std::string UrlOf(const std::string& bucket, const std::string& key) const {
    std::string path;
    for (const char c : key) path += c == '/' ? std::string("/") : UrlEncode(std::string_view(&c, 1));
    std::string base = connection_.endpoint;
    while (base.ends_with('/')) base.pop_back();
    if (connection_.path_style) return base + "/" + UrlEncode(bucket) + "/" + path;
    const size_t host = base.find("://") + 3;
    return base.substr(0, host) + bucket + "." + base.substr(host) + "/" + path;
  }

  Result<HttpResponse> Send(std::string method, const std::string& bucket, const std::string& key,
                            std::string_view bytes, HttpHeaders headers, int64_t bytes_max = 1 << 20) {
    HttpRequest request{.method = std::move(method),
                        .url = UrlOf(bucket, key),
                        .headers = std::move(headers),
                        .body = std::string(bytes),
                        .body_bytes_max = bytes_max,
                        .follow_redirects = false,
                        .repeatable = true};
    if (request.method == "PUT") request.headers.Set("Content-Type", "application/octet-stream");
    request.timeouts.total = std::chrono::minutes(5);
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, session_.Send(request, {}));
    const int status = response.status;
    const bool answered = status < 300 || status == 404 || status == 412 || status == 501;
    if (!answered) return ErrorOf(request, "s3://" + bucket + "/" + key, response);
    return response;
  }

  const S3Connection connection_;
  const std::unique_ptr<HttpClient> client_;
  S3Signer signer_;
  HttpSession session_;
};

}  // namespace

bool IsConditionUnknown(const Status& status) {
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  return context != nullptr && context->code == kConditionUnknownCode;
}

Result<std::unique_ptr<ObjectRequests>> MakeS3Requests(S3Connection connection, const Clock& clock,
                                                       const S3Retries& retries) {
  ARROW_ASSIGN_OR_RAISE(auto client, MakeHttpClient({.ca_file = connection.ca_file}));
  return std::make_unique<S3Requests>(std::move(connection), std::move(client), clock, retries);
}

}  // namespace firn::io
