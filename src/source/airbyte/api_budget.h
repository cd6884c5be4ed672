#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/http_client.h"
#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

/// The call rates a manifest allows (HTTPAPIBudget): a request waits until each policy that matches it lets it pass.
/// Shared by all streams of a run. Thread-safe.
class ApiBudget {
 public:
  /// Errors: kConfig for a policy that cannot be run.
  static Result<std::unique_ptr<ApiBudget>> Make(const Component& component, const RunContext& run);
  Status Acquire(const io::HttpRequest& request, const RunContext& run);

 private:
  struct Rate {
    int64_t limit = 0;
    std::chrono::microseconds interval{0};
  };
  struct Matcher {
    std::string method, url_base, path_pattern;
    Entries params, headers;
  };
  struct Policy {
    std::vector<Rate> rates;
    std::vector<Matcher> matchers;  // none: every request
    std::deque<std::chrono::steady_clock::time_point> passed;
  };
  static Result<Policy> MakePolicy(const Component& component, const RunContext& run);
  static bool Matches(const Policy& policy, const io::HttpRequest& request);
  // How long the policy still holds a request back; zero: it passes.
  static std::chrono::microseconds HeldBack(const Policy& policy, std::chrono::steady_clock::time_point now);

  std::mutex mutex_;
  std::vector<Policy> policies_;
};

}  // namespace firn::source::airbyte
