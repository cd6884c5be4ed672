#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/airbyte_config.h"
#include "config/auth_config.h"
#include "config/files_config.h"
#include "config/process_config.h"
#include "config/response_rule_config.h"
#include "config/steps_config.h"

/// What a pipeline reads from. Plain data, to be lowered to a connector plan. Text marked "template" may hold `{{ }}`
/// expressions, evaluated per request; `${ }` has been resolved.
namespace firn::config {

enum class PaginateType { kAuto, kNone, kPage, kOffset, kCursor, kLinkHeader, kNextUrl };

/// How the next page is asked for. Fields that do not belong to the type are empty.
struct PaginateConfig {
  PaginateType type = PaginateType::kAuto;
  std::string next;         // kCursor, kNextUrl: path in the body of the next token or URL
  std::string next_header;  // kCursor: response header of the next token, instead of `next`
  std::string last_record;  // kCursor: path in the last record of a page of the next token, instead of `next`
  std::string param;        // kPage "page", kOffset "offset", kCursor (required): query parameter
  std::string body_path;    // kPage, kOffset, kCursor: path in the request body, instead of `param`
  int64_t start = 1;        // kPage: first page number (default 1); kOffset: first offset (default 0)
  std::optional<int64_t> page_size;
  std::string size_param;         // query parameter that carries page_size; kOffset default "limit"
  std::string total_pages;        // kPage: path in the body of the number of pages
  std::string total_rows;         // kOffset: path in the body of the number of rows
  std::string has_more;           // path in the body of a boolean; false ends the slice
  std::string stop_when;          // template; a true value ends the slice
  std::string rel = "next";       // kLinkHeader
  int64_t pages_max = 1'000'000;  // per slice; reaching it is an error, never a short table
};

struct RateLimitConfig {
  int64_t requests = 0;  // per `per_ms`
  int64_t per_ms = 1'000;
};

/// How many pipelines that name a pool may read at the same time, wherever they run.
struct PoolConfig {
  std::string name;
  int64_t slots = 1;
  int64_t wait_ms = 3'600'000;  // for a turn
  std::string config_path;
};

struct TimeoutsConfig {
  int64_t connect_ms = 10'000;
  int64_t first_byte_ms = 60'000;
  int64_t idle_ms = 30'000;
  int64_t total_ms = 600'000;  // of one request, body included
};

struct RetryConfig {
  int64_t attempts_max = 8;    // of one request, the first included
  int64_t total_ms = 600'000;  // budget of all waits of one request
};

struct HttpConfig {
  std::string proxy;                          // URL; empty: the environment's proxy variables
  std::string ca_file;                        // absolute path; empty: the system's
  std::string client_cert_file;               // absolute path, PEM; empty: none
  std::string client_key_file;                // absolute path, PEM; of the certificate
  std::string client_key_password;            // secret; empty: the key is not encrypted
  std::string user_agent;                     // empty: "firn/<version>"
  int64_t body_bytes_max = int64_t{1} << 30;  // of one response, decompressed
  bool allow_private_redirects = false;
};

struct RestSourceConfig {
  std::string base_url;  // http or https, no credentials, no trailing slash
  AuthConfig auth;
  NamedText headers;                       // of every request; values are treated as secrets
  NamedText params;                        // query parameters of every request
  std::optional<PaginateConfig> paginate;  // default of its tables
  std::optional<RateLimitConfig> rate_limit;
  std::vector<ResponseRuleConfig> on_response;  // of all its tables
  int64_t concurrency = 4;                      // requests in flight for this source
  int64_t jobs_max = 2;                         // jobs under way for this source
  TimeoutsConfig timeouts;
  RetryConfig retry;
  HttpConfig http;
};

/// One alternative per source type of this build.
using SourceConfig =
    std::variant<RestSourceConfig, AirbyteSourceConfig, FilesSourceConfig, ProcessSourceConfig, StepsSourceConfig>;

/// Returns the value of `type` that it was written with ("rest").
std::string_view SourceTypeOf(const SourceConfig& source);

}  // namespace firn::config
