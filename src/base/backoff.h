#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"

namespace firn {

struct BackoffOptions {
  int64_t base_ms = 500;  // upper bound of the first delay
  int64_t delay_ms_max = 60'000;
  int64_t total_ms = 600'000;  // budget of all waits and attempts together
  int attempts_max = 0;        // 0: only the budget bounds them; n: n attempts, so n-1 waits
  double sleep_scale = 1.0;    // multiplies what is really slept, not what is counted; see SleepScale()
  uint64_t seed = 0;           // 0: ProcessSeed() mixed with a counter
};

/// A wait that is about to begin, for whoever shows it.
struct BackoffWait {
  int64_t delay_ms = 0;  // as counted
  int64_t left_ms = 0;   // of the total budget, after this wait
  int attempt = 0;       // the one that follows, from 2 on
  int attempts_max = 0;  // 0: only the budget bounds them
};

/// Exponential back-off with full jitter and one total budget for all attempts. Delay n is uniform in
/// [0, min(delay_ms_max, base_ms·2^n)); a floor that the server asked for (Retry-After) is added to, never undercut.
/// Used by one thread.
class Backoff {
 public:
  Backoff(BackoffOptions options, const Clock& clock);

  /// Waits before the next attempt. `floor`: the server's wish, at least 0.
  /// Errors: kUnreachable when the budget or the attempts are used up, or the floor alone would exceed the budget (then
  /// nothing is waited); kCancelled when stopped.
  /// `tell`: called before the wait begins; not if there is none. May be null.
  Status Wait(std::stop_token stop, std::chrono::milliseconds floor = std::chrono::milliseconds(0),
              const std::function<void(const BackoffWait&)>& tell = nullptr);

  int num_waits() const { return num_waits_; }
  int64_t waited_ms() const { return waited_ms_; }

 private:
  std::chrono::milliseconds NextDelay();

  const BackoffOptions options_;
  const Clock& clock_;
  Random random_;
  int num_waits_ = 0;
  int64_t waited_ms_ = 0;  // as counted, before scaling
  int64_t slept_ms_ = 0;   // as slept
  const std::chrono::steady_clock::time_point start_;
};

/// FIRN_SLEEP_SCALE (a number in [0, 1], for tests against fake servers), else 1. A malformed value counts as 1.
double SleepScale();

}  // namespace firn
