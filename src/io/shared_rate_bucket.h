#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"

namespace firn::io {

/// Spaces the requests of all processes of one machine that use one credential at one host: a file that holds the
/// moment from which the next request may go, changed under a lock (flock). A process that dies loses at most its own
/// place. The file is no state that must live: without it requests begin anew, one interval apart. Thread-safe.
class SharedRateBucket {
 public:
  /// `path`: plain path of the file; its folder is made at the first use. `requests_per_second` > 0. `sleep_scale`
  /// multiplies the interval (see base/backoff.h). `clock` outlives the bucket.
  static std::unique_ptr<SharedRateBucket> Make(std::string path, double requests_per_second, const Clock& clock,
                                                double sleep_scale);
  virtual ~SharedRateBucket() = default;

  /// Takes the next place and returns how long to wait until it comes. Errors: kUnreachable if that is longer than
  /// `wait_max` (then no place is taken); kTransient if the file cannot be locked within two seconds or not be written;
  /// kCancelled.
  virtual Result<std::chrono::milliseconds> Take(std::chrono::milliseconds wait_max, std::stop_token stop) = 0;
  /// No process starts a request for the next `delay`.
  virtual Status Pause(std::chrono::milliseconds delay, std::stop_token stop) = 0;
};

}  // namespace firn::io
