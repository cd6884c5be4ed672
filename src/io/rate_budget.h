#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "io/http_headers.h"
#include "io/shared_rate_bucket.h"

namespace firn::io {

struct RateLimits {
  double requests_per_second = 0;           // 0: no limit
  int burst = 1;                            // tokens the bucket holds
  int concurrency_max = 8;                  // requests under way
  std::chrono::milliseconds window{1'000};  // that the rate is declared for
};

/// What one host grants to one credential: a token bucket, a concurrency limit, and a pause that the server asked for.
/// Shared by all who use that credential; pipelines take turns. Thread-safe.
class RateBudget {
 public:
  /// A granted request; destroying it ends the request.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), pipeline_(std::move(other.pipeline_)) {}
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() { Release(); }
    void Release();

   private:
    friend class RateBudget;
    Permit(RateBudget* budget, std::string pipeline) : budget_(budget), pipeline_(std::move(pipeline)) {}
    RateBudget* budget_ = nullptr;
    std::string pipeline_;
  };

  /// `sleep_scale` multiplies what is really slept (see base/backoff.h). `shared`: takes the place of the token bucket,
  /// so that processes share the rate; null: this process alone.
  RateBudget(RateLimits limits, const Clock& clock, double sleep_scale = 1.0,
             std::unique_ptr<SharedRateBucket> shared = nullptr);
  ~RateBudget();

  /// Waits for a token, a free slot and the end of any pause. Errors: kCancelled when stopped; kUnreachable if the
  /// pause is longer than `wait_max` (nothing is waited then). `waited`: what was waited, as counted; may be null.
  Result<Permit> Acquire(const RateClaimant& claimant, std::stop_token stop, std::chrono::milliseconds wait_max,
                         int64_t* waited_ms = nullptr);
  /// Nobody starts a request for the next `delay` (Retry-After, or an exhausted limit with a reset).
  void Pause(std::chrono::milliseconds delay);
  /// Takes in what a response said: no requests remaining pauses until the reset.
  void Observe(const RateLimitState& state);

 private:
  /// The requests of one pipeline.
  struct Requests {
    int waiting = 0;  // for a slot
    int active = 0;
    int in_line = 0;  // for a place of the shared rate
  };

  Result<Permit> TakeSlot(const RateClaimant& claimant, const std::stop_token& stop);
  bool IsNext(const std::string& pipeline) const FIRN_REQUIRES(mutex_);
  std::chrono::milliseconds NextDelay() FIRN_REQUIRES(mutex_);
  Status StandInLine(const RateClaimant& claimant, const std::stop_token& stop, std::chrono::milliseconds wait_max,
                     int64_t* waited_ms);
  Status WaitForShared(const RateClaimant& claimant, const std::stop_token& stop, std::chrono::milliseconds wait_max,
                       int64_t* waited_ms);
  Result<RatePlace> SharedPlace(const RateClaimant& claimant, const std::stop_token& stop,
                                std::chrono::milliseconds wait_max);

  const RateLimits limits_;
  const Clock& clock_;
  const double sleep_scale_;
  const std::unique_ptr<SharedRateBucket> shared_;
  const int in_line_max_;  // of one pipeline
  std::condition_variable_any freed_;
  Mutex mutex_;
  double tokens_ FIRN_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point filled_at_ FIRN_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point paused_until_ FIRN_GUARDED_BY(mutex_);
  int num_active_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Requests> requests_ FIRN_GUARDED_BY(mutex_);  // by pipeline
};

/// Makes what a declared rate is shared through. `name`: of host and credential, a hash.
using RateSharing = std::function<std::unique_ptr<SharedRateBucket>(const std::string& name, const RateLimits& limits)>;

/// Shares rates with the processes of this machine, through files in `folder` (a plain path). `clock` outlives it.
RateSharing ShareByFiles(std::string folder, const Clock& clock, double sleep_scale);

/// The budgets of a process, one per host and credential. Thread-safe; budgets live as long as this.
class RateBudgets {
 public:
  /// `sharing`: null: declared rates are this process's alone.
  explicit RateBudgets(const Clock& clock, double sleep_scale = 1.0, RateSharing sharing = nullptr)
      : clock_(clock), sleep_scale_(sleep_scale), sharing_(std::move(sharing)) {}
  /// `credential`: any stable name of it, never its value. The limits of the first call hold.
  RateBudget& For(const std::string& host, const std::string& credential, RateLimits limits);

 private:
  const Clock& clock_;
  const double sleep_scale_;
  const RateSharing sharing_;
  Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<RateBudget>> budgets_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::io
