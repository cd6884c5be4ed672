#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/airbyte/api_response.h"
#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

enum class ErrorAction { kSuccess, kFail, kRetry, kIgnore, kRateLimited, kResetPagination, kRefreshTokenThenRetry };

/// What a response means.
struct Verdict {
  ErrorAction action = ErrorAction::kSuccess;
  Fault fault = Fault::kBug;  // of kFail and of retries that end
  std::string message;
};

/// The error handler of a requester: rules that judge responses, and how long to wait before another attempt. Made from
/// a DefaultErrorHandler or CompositeErrorHandler; without one the built-in rules hold. Used by one thread.
class ErrorRules {
 public:
  static Result<std::unique_ptr<ErrorRules>> Make(const Component& handler, const RunContext& run);

  /// `response`: null when there was no complete answer.
  Result<Verdict> Judge(const ApiResponse* response) const;
  /// Seconds to wait before the attempt after number `attempt` (from 1); nullopt: the built-in 1, 2, 4, … s.
  /// Errors: kTransient when the wait is longer than the manifest allows.
  Result<std::optional<double>> Backoff(const ApiResponse* response, int attempt) const;
  int64_t retries_max() const { return retries_max_; }
  double seconds_max() const { return seconds_max_; }

 private:
  struct Filter {
    std::optional<ErrorAction> action;
    std::optional<Fault> fault;
    std::set<int64_t> codes;
    std::string contains;
    Interpolated predicate;
    Interpolated message;
  };
  struct Handler {
    std::vector<Filter> filters;
  };
  struct Strategy {
    enum class Kind { kConstant, kExponential, kWaitHeader, kWaitUntilHeader };
    Kind kind = Kind::kConstant;
    Interpolated seconds;  // of kConstant; factor of kExponential
    Interpolated header, regex, min_wait, seconds_max;
    double jitter = 0;
  };

  explicit ErrorRules(const RunContext& run) : run_(run) {}
  Status AddHandler(const Component& handler, bool first);
  Status AddStrategy(const Component& strategy);
  Result<Filter> MakeFilter(const Component& component) const;
  Result<std::optional<Verdict>> Match(const Filter& filter, const ApiResponse& response) const;
  Result<Verdict> JudgeBy(const Handler& handler, const ApiResponse* response) const;
  Result<std::optional<double>> WaitOf(const Strategy& strategy, const ApiResponse* response, int attempt) const;
  Result<std::optional<double>> NumberOf(const Interpolated& text) const;

  const RunContext& run_;
  std::vector<Handler> handlers_;
  std::vector<Strategy> strategies_;
  int64_t retries_max_ = 5;
  double seconds_max_ = 600;
};

}  // namespace firn::source::airbyte
