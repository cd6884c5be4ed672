#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/auth_config.h"

/// Jobs: work that an API does in the background. Plain data; text marked "template" may hold `{{ }}` expressions.
namespace firn::config {

/// How often a job is asked about, and for how long.
struct PollTimes {
  int64_t every_ms = 5'000;       // after the first question; each next one is half as long again, up to:
  int64_t every_max_ms = 60'000;  // at least every_ms
  int64_t timeout_ms = 3'600'000;
};

struct JobRequestConfig {
  std::string method = "GET";
  std::string path;  // template
  NamedText params;  // templates
  NamedText headers;
  std::string body_json;  // template, JSON text; empty: none
};

/// `job:` of a table: what makes its rows before they are asked for.
struct JobConfig {
  JobRequestConfig create;
  std::string id;  // path in the answer to `create`
  JobRequestConfig poll;
  std::string status;                              // path in the answer to `poll`
  std::vector<std::string> done, failed, running;  // its values; running empty: any other
  std::string rows;                                // path of the number of rows; empty: not said
  PollTimes times;
  int64_t attempts_max = 1;                // jobs that are begun before a failed one fails the table
  std::optional<JobRequestConfig> cancel;  // of one that is given up; best effort
  std::string url;                         // template: where its file is, or a list; empty: the table's own request
};

}  // namespace firn::config
