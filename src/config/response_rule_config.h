#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace firn::config {

/// What an answer means, if not what its status says: `on_response:` of a REST source or table. Plain data.
struct ResponseRuleConfig {
  enum class Action { kFail, kAuthFailed, kEmpty, kSkip, kRetry, kRateLimited };
  std::string config_path;                 // "pipelines.shop.source.on_response.0"
  int32_t status_min = 0, status_max = 0;  // both 0: any status
  std::string when;                        // template over response, status and headers; empty: the status is enough
  Action action = Action::kFail;
  std::optional<int64_t> wait_ms;  // of kRetry, kRateLimited: if the answer does not say
  std::string wait_header;         // response header that says how long; empty: Retry-After
  std::string message;             // template over the same names, for the error; empty: none
};

}  // namespace firn::config
