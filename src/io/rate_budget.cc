#include "io/rate_budget.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/log.h"

namespace firn::io {

using std::chrono::milliseconds;

namespace {

// The share of a declared rate that is used. Requests reach the server a few milliseconds early or late: spaced by the
// whole rate, now and then one too many falls into a second as the server counts it.
constexpr double kUsedShare = 127.0 / 128;
// Later than this (or a quarter of the interval) after its place, a request takes another; so often at most.
constexpr milliseconds kLateMin{3};
constexpr int kMissedMax = 20;

}  // namespace

RateBudget::Permit& RateBudget::Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    Release();
    budget_ = std::exchange(other.budget_, nullptr);
  }
  return *this;
}

void RateBudget::Permit::Release() {
  RateBudget* budget = std::exchange(budget_, nullptr);
  if (budget == nullptr) return;
  {
    MutexLock lock(budget->mutex_);
    --budget->num_active_;
  }
  budget->freed_.notify_all();
}

RateBudget::RateBudget(RateLimits limits, const Clock& clock, double sleep_scale,
                       std::unique_ptr<SharedRateBucket> shared)
    : limits_(limits),
      clock_(clock),
      sleep_scale_(sleep_scale),
      shared_(std::move(shared)),
      tokens_(limits.burst),
      filled_at_(clock.Steady()),
      paused_until_(clock.Steady()) {
  FIRN_CHECK(limits.burst >= 1 && limits.concurrency_max >= 1 && limits.requests_per_second >= 0);
}

RateBudget::~RateBudget() = default;

// Takes a token, or says how long until one may be there. Time runs faster by 1/sleep_scale, as the sleeps do.
milliseconds RateBudget::NextDelay() {
  const auto now = clock_.Steady();
  if (paused_until_ > now) return std::chrono::ceil<milliseconds>(paused_until_ - now);
  if (limits_.requests_per_second <= 0 || shared_ != nullptr) return milliseconds(0);
  const double per_second = limits_.requests_per_second / std::max(sleep_scale_, 1e-6);
  const double seconds = std::chrono::duration<double>(now - filled_at_).count();
  tokens_ = std::min<double>(limits_.burst, tokens_ + seconds * per_second);
  filled_at_ = now;
  if (tokens_ >= 1) {
    tokens_ -= 1;
    return milliseconds(0);
  }
  return milliseconds(1 + static_cast<int64_t>(std::ceil((1 - tokens_) / per_second * 1'000)));
}

Result<RateBudget::Permit> RateBudget::Acquire(std::stop_token stop, milliseconds wait_max, int64_t* waited_ms) {
  const double scale = std::max(sleep_scale_, 1e-6);
  {
    MutexLock lock(mutex_);
    freed_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) { return num_active_ < limits_.concurrency_max; });
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting to send a request");
    ++num_active_;
  }
  Permit permit(this);  // holds the slot while waiting for the token: others could not go either
  for (;;) {
    milliseconds delay;
    {
      MutexLock lock(mutex_);
      delay = NextDelay();
    }
    if (delay.count() == 0) {
      if (shared_ != nullptr) ARROW_RETURN_NOT_OK(WaitForShared(stop, wait_max, waited_ms));
      return permit;
    }
    const auto counted = static_cast<int64_t>(static_cast<double>(delay.count()) / scale);
    if (counted > wait_max.count()) {
      return MakeError(Fault::kUnreachable,
                       "rate limit reached: next request allowed in " + std::to_string(counted / 1'000) +
                           " s, longer than this run waits",
                       {.next = "run again later"});
    }
    if (waited_ms != nullptr) *waited_ms += counted;
    ARROW_RETURN_NOT_OK(clock_.Sleep(delay, stop));
  }
}

// Who wakes up long after its place would come close to those behind it: it takes another one.
Status RateBudget::WaitForShared(std::stop_token stop, milliseconds wait_max, int64_t* waited_ms) {
  const auto late_max = std::max<milliseconds>(
      kLateMin, milliseconds(static_cast<int64_t>(250 / limits_.requests_per_second * sleep_scale_)));
  for (int missed = 0;; ++missed) {
    ARROW_ASSIGN_OR_RAISE(const milliseconds delay, SharedDelay(stop, wait_max));
    if (delay.count() == 0) return Status::OK();
    if (waited_ms != nullptr) {
      *waited_ms += static_cast<int64_t>(static_cast<double>(delay.count()) / std::max(sleep_scale_, 1e-6));
    }
    const auto place = clock_.Steady() + delay;
    ARROW_RETURN_NOT_OK(clock_.Sleep(delay, stop));
    if (clock_.Steady() - place <= late_max || missed == kMissedMax) return Status::OK();
  }
}

// A rate file that cannot be used must not stop the run: this process alone then keeps the rate by waiting one
// interval.
Result<milliseconds> RateBudget::SharedDelay(const std::stop_token& stop, milliseconds wait_max) {
  auto delay = shared_->Take(wait_max, stop);
  if (delay.ok()) return delay;
  if (FaultOf(delay.status()) == Fault::kUnreachable || FaultOf(delay.status()) == Fault::kCancelled) return delay;
  log::Warn("rate limit not shared with other processes", {{"reason", delay.status().message()}});
  return milliseconds(static_cast<int64_t>(std::ceil(1'000 / limits_.requests_per_second * sleep_scale_)));
}

void RateBudget::Pause(milliseconds delay) {
  if (shared_ != nullptr) {
    const Status shared = shared_->Pause(delay, {});
    if (!shared.ok()) log::Warn("pause not shared with other processes", {{"reason", shared.message()}});
  }
  const auto scaled = std::chrono::duration_cast<std::chrono::microseconds>(delay * sleep_scale_);
  MutexLock lock(mutex_);
  paused_until_ = std::max(paused_until_, clock_.Steady() + scaled);
}

void RateBudget::Observe(const RateLimitState& state) {
  if (state.remaining && *state.remaining <= 0 && state.reset) Pause(*state.reset);
}

RateBudget& RateBudgets::For(const std::string& host, const std::string& credential, RateLimits limits) {
  limits.requests_per_second *= kUsedShare;
  MutexLock lock(mutex_);
  auto& budget = budgets_[{host, credential}];
  if (budget == nullptr) {
    std::unique_ptr<SharedRateBucket> shared;
    if (!shared_folder_.empty() && limits.requests_per_second > 0) {
      const std::string name = Sha256Hex(host + "\n" + credential).substr(0, 32);
      shared = SharedRateBucket::Make(shared_folder_ + "/" + name, limits.requests_per_second, clock_, sleep_scale_);
    }
    budget = std::make_unique<RateBudget>(limits, clock_, sleep_scale_, std::move(shared));
  }
  return *budget;
}

}  // namespace firn::io
