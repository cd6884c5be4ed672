#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"

namespace firn::io {

/// Who asks for a place.
struct RateClaimant {
  std::string pipeline;     // pipelines take turns, however many threads they have
  bool background = false;  // backfills and the like: gives way to the others
};

struct RatePlace {
  std::chrono::milliseconds wait{0};
  bool taken = true;  // false: others go first; ask again after `wait`
};

/// Spaces the requests of all processes of one machine that use one credential at one host: a file that holds the
/// moment from which the next request may go, changed under a lock (flock). A process that dies loses at most its own
/// place. The file is no state that must live: without it requests begin anew, one interval apart. Thread-safe.
class SharedRateBucket {
 public:
  static constexpr int kBackgroundEvery = 20;

  /// `path`: plain path of the file; its folder is made at the first use. `requests_per_second` > 0. `sleep_scale`
  /// multiplies the interval (see base/backoff.h). `clock` outlives the bucket.
  static std::unique_ptr<SharedRateBucket> Make(std::string path, double requests_per_second, const Clock& clock,
                                                double sleep_scale);
  virtual ~SharedRateBucket() = default;

  /// Takes the next place and says how long to wait until it comes. While others wait, the background gets one place in
  /// kBackgroundEvery. Errors: kUnreachable if the wait is longer than `wait_max` (then no place is taken); kTransient
  /// if the file cannot be locked within two seconds or not be written; kCancelled.
  virtual Result<RatePlace> Take(const RateClaimant& claimant, std::chrono::milliseconds wait_max,
                                 std::stop_token stop) = 0;
  /// No process starts a request for the next `delay`.
  virtual Status Pause(std::chrono::milliseconds delay, std::stop_token stop) = 0;
};

}  // namespace firn::io
