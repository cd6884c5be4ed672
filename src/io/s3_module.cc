// Part of libfirn_s3.so alone: no other file may use arrow/filesystem/s3fs.h. Uses nothing of firn but plain headers.
#include "io/s3_module.h"

#include <arrow/filesystem/s3fs.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <string_view>

namespace firn::io {
namespace {

std::string FromEnvironment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

class BoundedRetries : public arrow::fs::S3RetryStrategy {
 public:
  explicit BoundedRetries(S3Retries options) : options_(options) {}

  bool ShouldRetry(const AWSErrorDetail& error, int64_t attempted_retries) override {
    if (attempted_retries + 1 >= options_.attempts_max) return false;
    return error.should_retry || IsThrottle(error.exception_name) || IsCutBody(error.message);
  }

  int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail&, int64_t attempted_retries) override {
    const int64_t doublings = std::clamp<int64_t>(attempted_retries, 0, 20);
    const int64_t bound = std::min(options_.delay_ms_max, options_.delay_ms << doublings);
    thread_local std::minstd_rand random(std::random_device{}());
    std::uniform_int_distribution<int64_t> delay(0, std::max<int64_t>(bound, 1));
    return static_cast<int64_t>(static_cast<double>(delay(random)) * options_.sleep_scale);
  }

 private:
  static bool IsThrottle(std::string_view name) {
    constexpr std::array<std::string_view, 7> kNames = {"SlowDown",           "SlowDownRead", "SlowDownWrite",
                                                        "ServiceUnavailable", "Throttling",   "RequestLimitExceeded",
                                                        "TooManyRequests"};
    return std::ranges::find(kNames, name) != kNames.end();
  }
  // A body that ended early leaves the SDK with a stream that cannot be flushed, which it takes for our mistake. Every
  // attempt writes to a new stream.
  static bool IsCutBody(std::string_view message) {
    return message.find("Failed to flush response stream") != std::string_view::npos;
  }
  const S3Retries options_;
};

/// "http://host:9000/" is scheme http and "host:9000".
void SetEndpoint(const std::string& endpoint, arrow::fs::S3Options* s3) {
  const size_t colon = endpoint.find("://");
  if (colon != std::string::npos) s3->scheme = endpoint.substr(0, colon);
  s3->endpoint_override = colon == std::string::npos ? endpoint : endpoint.substr(colon + 3);
  while (s3->endpoint_override.ends_with('/')) s3->endpoint_override.pop_back();
}

arrow::fs::S3Options WithCredentials(const ObjectStoreSettings& settings) {
  using arrow::fs::S3Options;
  if (settings.anonymous) return S3Options::Anonymous();
  if (!settings.access_key.empty()) {
    return S3Options::FromAccessKey(settings.access_key, settings.secret_key, settings.session_token);
  }
  return S3Options::Defaults();
}

arrow::Result<std::string> RegionOf(const S3ConnectOptions& options, const std::string& endpoint) {
  if (!options.settings.region.empty()) return options.settings.region;
  std::string region = FromEnvironment({"AWS_REGION", "AWS_DEFAULT_REGION"});
  if (!region.empty()) return region;
  if (!endpoint.empty()) return "us-east-1";  // what stores other than AWS expect; the SDK would ask the machine
  return arrow::fs::ResolveS3BucketRegion(options.bucket);
}

arrow::Result<S3Connection> Connect(const S3ConnectOptions& options) {
  const ObjectStoreSettings& settings = options.settings;
  std::string endpoint = settings.endpoint;
  if (endpoint.empty()) endpoint = FromEnvironment({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  ARROW_ASSIGN_OR_RAISE(const std::string region, RegionOf(options, endpoint));
  const bool own_endpoint = !endpoint.empty();
  if (!own_endpoint) endpoint = "https://s3." + region + ".amazonaws.com";
  const bool path_style = settings.path_style == "always" || (own_endpoint && settings.path_style != "never");

  auto s3 = std::make_shared<arrow::fs::S3Options>(WithCredentials(settings));
  s3->region = region;
  if (own_endpoint || path_style) SetEndpoint(endpoint, s3.get());
  s3->force_virtual_addressing = own_endpoint && !path_style;
  s3->connect_timeout = 15;
  s3->request_timeout = 60;
  s3->background_writes = false;  // a part is sent before the next is filled: memory stays at one part per file
  s3->allow_delayed_open = true;  // a file below one part is one PUT
  s3->retry_strategy = std::make_shared<BoundedRetries>(options.retries);
  s3->tls_ca_file_path = settings.ca_file;
  ARROW_ASSIGN_OR_RAISE(auto files, arrow::fs::S3FileSystem::Make(*s3));
  S3Connection connection{.files = std::move(files),
                          .endpoint = std::move(endpoint),
                          .region = region,
                          .path_style = path_style,
                          .ca_file = settings.ca_file};
  if (!settings.anonymous) {
    connection.keys = [s3] { return S3Keys{s3->GetAccessKey(), s3->GetSecretKey(), s3->GetSessionToken()}; };
  } else {
    connection.keys = [] { return S3Keys{}; };
  }
  return connection;
}

arrow::Result<std::function<S3Keys()>> Keys(const ObjectStoreSettings& settings) {
  auto s3 = std::make_shared<arrow::fs::S3Options>(WithCredentials(settings));
  return [s3] { return S3Keys{s3->GetAccessKey(), s3->GetSecretKey(), s3->GetSessionToken()}; };
}

arrow::Status Start() {
  arrow::fs::S3GlobalOptions options = arrow::fs::S3GlobalOptions::Defaults();
  options.log_level = arrow::fs::S3LogLevel::Off;  // its lines could carry request headers
  return arrow::fs::InitializeS3(options);
}

arrow::Status Stop() {
  return arrow::fs::FinalizeS3();
}

constexpr S3Module kModule = {.start = Start, .stop = Stop, .connect = Connect, .keys = Keys};

}  // namespace
}  // namespace firn::io

extern "C" __attribute__((visibility("default"))) const firn::io::S3Module* firn_s3_module() {
  return &firn::io::kModule;
}
