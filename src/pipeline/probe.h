#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "connector/plan.h"
#include "io/http_headers.h"
#include "pipeline/copy_target.h"
#include "pipeline/probe_guess.h"

namespace firn::io {
class HttpClient;
}

/// `firn init URL`: what a live API tells of itself in a few requests, and the project that follows from it.
namespace firn::pipeline {

struct ProbeRequest {
  UrlRequest url;
  std::string token;           // for Authorization: Bearer; empty: none
  std::string token_variable;  // name of the environment variable it came from
};

/// What was found. Every finding says how sure it is and why.
struct ProbeReport {
  UrlRequest url;
  std::string token_variable;
  int num_requests = 0;
  int64_t num_records = 0;  // of the first page
  bool is_lines = false;
  std::string records;  // path, "" is the body itself
  Sureness records_sureness = Sureness::kSure;
  connector::PaginatePlan paging;
  Sureness paging_sureness = Sureness::kAsk;
  std::string paging_why;
  std::string size_param;  // empty: none was found
  int64_t page_size = 0;
  SampleGuess sample;
  std::optional<CursorGuess> cursor;  // the one to use
  std::string since_param;            // the API filters by it; empty: none was found
  Sureness cursor_sureness = Sureness::kAsk;
  std::string cursor_why;
  io::RateLimitState limit;
};

/// Asks the API: a first page, a second one, and one request for each guess that can be tried (at most 14 in all).
/// Errors: kAuth for 401 and 403, kUnreachable, kBadData for what is no JSON.
Result<ProbeReport> ProbeApi(const ProbeRequest& request, io::HttpClient& http, const Clock& clock,
                             std::stop_token stop);

/// The findings for people, a line each: "key      id (unique in 30 rows)      sure".
std::vector<std::string> FindingLines(const ProbeReport& report);

/// The files of a project that reads the API. Nothing secret is in any but `variables`.
struct ProbeProject {
  std::string yaml;                                            // firn.yaml
  std::vector<std::pair<std::string, std::string>> variables;  // environment variables it uses: name → secret value
  std::string table;
};
ProbeProject ProjectOf(const ProbeReport& report);

/// Returns "github" for "api.github.com": the pipeline's name.
std::string PipelineNameOf(const std::string& host);

}  // namespace firn::pipeline
