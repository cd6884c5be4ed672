#include "catalog/glue/client.h"

#include <utility>

#include "catalog/glue/protocol.h"
#include "io/aws_signature.h"

namespace firn::catalog::glue {
namespace {

constexpr int64_t kAnswerBytesMax = int64_t{64} << 20;

// Glue says with status 400 that it is busy.
bool IsThrottled(const io::HttpResponse& response) {
  if (response.status == 429) return true;
  if (response.status != 400) return false;
  const std::string type = ErrorType(response);
  return type == "ThrottlingException" || type == "OperationTimeoutException";
}

std::optional<io::HttpVerdict> Judge(const io::HttpResponse& response, bool server_errors_too) {
  if (IsThrottled(response))
    return io::HttpVerdict{.action = io::HttpVerdict::Action::kThrottled, .reason = "throttled"};
  const bool told = (response.status >= 400 && response.status < 500) || (server_errors_too && response.status >= 500);
  if (!told) return std::nullopt;
  return io::HttpVerdict{.action = io::HttpVerdict::Action::kAccept};
}

}  // namespace

class GlueClient::Signer : public io::HttpAuthorizer {
 public:
  Signer(io::AwsKeySource keys, std::string region, const Clock& clock)
      : keys_(std::move(keys)), region_(std::move(region)), clock_(clock) {}
  Status Authorize(io::HttpRequest& request, std::stop_token) override {
    ARROW_ASSIGN_OR_RAISE(const io::TemporaryKeys current, keys_());
    return io::SignRequest(request, current.keys, {.region = region_, .service = "glue"}, clock_.Now());
  }
  Result<bool> Renew(const io::HttpRequest&, std::stop_token) override { return false; }

 private:
  const io::AwsKeySource keys_;
  const std::string region_;
  const Clock& clock_;
};

GlueClient::GlueClient(const GlueCatalogOptions& options, const Clock& clock, std::unique_ptr<io::HttpClient> client)
    : endpoint_(options.endpoint),
      total_ms_(options.total_ms),
      client_(std::move(client)),
      signer_(std::make_unique<Signer>(options.keys, options.region, clock)),
      reads_(*client_, clock,
             {.backoff = {.base_ms = options.backoff_base_ms, .total_ms = options.total_ms, .attempts_max = 10},
              .authorizer = signer_.get(),
              .classify = [](const io::HttpResponse& response) { return Judge(response, false); }}),
      writes_(*client_, clock,
              {.backoff = {.base_ms = options.backoff_base_ms, .total_ms = options.total_ms, .attempts_max = 10},
               .authorizer = signer_.get(),
               .classify = [](const io::HttpResponse& response) { return Judge(response, true); }}) {}

GlueClient::~GlueClient() = default;

Result<std::unique_ptr<GlueClient>> GlueClient::Make(const GlueCatalogOptions& options, const Clock& clock) {
  ARROW_ASSIGN_OR_RAISE(auto client, io::MakeHttpClient({.ca_file = options.ca_file}));
  return std::unique_ptr<GlueClient>(new GlueClient(options, clock, std::move(client)));
}

io::HttpRequest GlueClient::Request(const std::string& operation, std::string body) const {
  io::HttpRequest request{
      .method = "POST",
      .url = endpoint_ + (endpoint_.ends_with('/') ? "" : "/"),
      .headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", "AWSGlue." + operation}},
      .body = std::move(body),
      .body_bytes_max = kAnswerBytesMax,
      .follow_redirects = false};
  request.timeouts.total = std::chrono::milliseconds(total_ms_);
  return request;
}

Result<io::HttpResponse> GlueClient::Read(const std::string& operation, std::string body) {
  io::HttpRequest request = Request(operation, std::move(body));
  request.repeatable = true;
  return reads_.Send(request, {});
}

Result<io::HttpResponse> GlueClient::Write(const std::string& operation, std::string body) {
  io::HttpRequest request = Request(operation, std::move(body));
  request.repeatable = false;
  return writes_.Send(request, {});
}

}  // namespace firn::catalog::glue
