#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/thread_annotations.h"
#include "connector/steps/plan.h"
#include "io/http_session.h"
#include "source/source.h"

namespace firn::source::steps {

/// Sends the requests of one table's workflow: with retries, one session per host and throttle, so that both hold for
/// all that is asked there. Send is called from one thread; stats from any.
class Exchange {
 public:
  struct Options {
    io::HttpClient* http = nullptr;      // required, borrowed
    const Clock* clock = nullptr;        // required, borrowed
    io::RateBudgets* budgets = nullptr;  // required, borrowed
    bool background = false;             // as source::Services::background
    std::string workflow;                // names what its throttle holds for
    std::optional<connector::steps::ThrottlePlan> throttle;
    std::function<void(const io::HttpWait&)> on_wait;
  };
  explicit Exchange(Options options) : options_(std::move(options)) {}

  /// Errors: those of HttpSession.
  Result<io::HttpResponse> Send(io::HttpRequest request, const connector::steps::StepPlan& step, std::stop_token stop);

  ReadStats stats() const;

 private:
  Result<io::HttpSession*> SessionFor(const std::string& url, const connector::steps::StepPlan& step);

  const Options options_;
  bool seen_public_ = false;  // an answer came from a server at a public address
  mutable Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<io::HttpSession>> sessions_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::source::steps
