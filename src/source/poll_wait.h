#pragma once

#include <chrono>
#include <stop_token>

#include "base/clock.h"
#include "base/status.h"
#include "config/job_config.h"
#include "io/http_client.h"

namespace firn::source {

/// The waits between the questions whether a job is done. Begins when it is made. Used by one thread.
class PollWait {
 public:
  PollWait(const config::PollTimes& times, const Clock& clock);

  /// Waits before the next question, at least for the Retry-After of the last answer. Errors: kUnreachable E0543 when
  /// the next one would come after the timeout (nothing is waited then); kCancelled, at once, when stopped.
  Status Wait(const io::HttpHeaders& answer, std::stop_token stop);
  int64_t waited_ms() const { return waited_ms_; }  // as counted, before FIRN_SLEEP_SCALE

 private:
  const config::PollTimes times_;
  const Clock& clock_;
  const double sleep_scale_;
  const std::chrono::steady_clock::time_point start_;
  int64_t next_ms_;
  int64_t waited_ms_ = 0;
  int64_t slept_ms_ = 0;
};

/// The error of a job that its API calls failed. Its answer is quoted, cut and without secrets: only it knows why.
Status JobFailed(const io::HttpResponse& answer);

}  // namespace firn::source
