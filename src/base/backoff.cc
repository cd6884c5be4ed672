#include "base/backoff.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <string>

namespace firn {
namespace {

// Distinct retries of a process must not share their jitter; one seed still decides all of them.
uint64_t NextSeed() {
  static std::atomic<uint64_t> counter{0};
  static const uint64_t process_seed = ProcessSeed();
  return process_seed + (counter.fetch_add(1) + 1) * 0x9e3779b97f4a7c15;
}

}  // namespace

Backoff::Backoff(BackoffOptions options, const Clock& clock)
    : options_(options), clock_(clock), random_(options.seed != 0 ? options.seed : NextSeed()), start_(clock.Steady()) {
  FIRN_CHECK(options.base_ms > 0 && options.delay_ms_max > 0);
}

std::chrono::milliseconds Backoff::NextDelay() {
  const int doublings = std::min(num_waits_, 40);
  const double upper = std::min(static_cast<double>(options_.delay_ms_max),
                                static_cast<double>(options_.base_ms) * std::pow(2.0, doublings));
  return std::chrono::milliseconds(static_cast<int64_t>(random_.Uniform() * upper));
}

Status Backoff::Wait(std::stop_token stop, std::chrono::milliseconds floor,
                     const std::function<void(const BackoffWait&)>& tell) {
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting to retry");
  if (options_.attempts_max > 0 && num_waits_ + 1 >= options_.attempts_max) {
    return MakeError(Fault::kUnreachable, "gave up after " + std::to_string(options_.attempts_max) + " attempts");
  }
  const auto delay = floor + NextDelay();
  const auto real = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Steady() - start_).count();
  const int64_t used_ms = waited_ms_ + std::max<int64_t>(0, real - slept_ms_);
  if (delay.count() > options_.total_ms - used_ms) {
    return MakeError(Fault::kUnreachable, "retry budget used up: " + std::to_string(used_ms) + " of " +
                                              std::to_string(options_.total_ms) + " ms, next wait " +
                                              std::to_string(delay.count()) + " ms");
  }
  ++num_waits_;
  waited_ms_ += delay.count();
  const std::chrono::milliseconds slept(
      static_cast<int64_t>(static_cast<double>(delay.count()) * options_.sleep_scale));
  slept_ms_ += slept.count();
  if (tell) {
    tell({.delay_ms = delay.count(),
          .left_ms = options_.total_ms - used_ms - delay.count(),
          .attempt = num_waits_ + 1,
          .attempts_max = options_.attempts_max});
  }
  return clock_.Sleep(slept, stop);
}

double SleepScale() {
  const char* text = std::getenv("FIRN_SLEEP_SCALE");
  if (text == nullptr || *text == '\0') return 1.0;
  char* end = nullptr;
  const double scale = std::strtod(text, &end);
  return *end == '\0' && scale >= 0.0 && scale <= 1.0 ? scale : 1.0;
}

}  // namespace firn
