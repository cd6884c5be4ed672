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
// A pipeline stands in the line of a shared rate with one request, so that the line is a round of the pipelines; with
// more only as far as it takes to be there in time.
constexpr milliseconds kAhead{5};

int InLineMax(const RateLimits& limits, double sleep_scale) {
  const double ahead = std::chrono::duration<double>(kAhead).count();
  return std::max(1, static_cast<int>(ahead * limits.requests_per_second / std::max(sleep_scale, 1e-6)));
}

}  // namespace

RateBudget::Permit& RateBudget::Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    Release();
    budget_ = std::exchange(other.budget_, nullptr);
    pipeline_ = std::move(other.pipeline_);
  }
  return *this;
}

void RateBudget::Permit::Release() {
  RateBudget* budget = std::exchange(budget_, nullptr);
  if (budget == nullptr) return;
  {
    MutexLock lock(budget->mutex_);
    --budget->num_active_;
    --budget->requests_[pipeline_].active;
  }
  budget->freed_.notify_all();
}

RateBudget::RateBudget(RateLimits limits, const Clock& clock, double sleep_scale,
                       std::unique_ptr<SharedRateBucket> shared)
    : limits_(limits),
      clock_(clock),
      sleep_scale_(sleep_scale),
      shared_(std::move(shared)),
      in_line_max_(InLineMax(limits, sleep_scale)),
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

// Of the pipelines that wait, the one with the fewest requests under way.
bool RateBudget::IsNext(const std::string& pipeline) const {
  const int active = requests_.at(pipeline).active;
  return std::ranges::all_of(
      requests_, [&](const auto& entry) { return entry.second.waiting == 0 || entry.second.active >= active; });
}

Result<RateBudget::Permit> RateBudget::TakeSlot(const RateClaimant& claimant, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  Requests& mine = requests_[claimant.pipeline];
  ++mine.waiting;
  const bool free = freed_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) {
    return num_active_ < limits_.concurrency_max && IsNext(claimant.pipeline);
  });
  --mine.waiting;
  freed_.notify_all();  // another may be the next now
  if (!free || stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting to send a request");
  ++num_active_;
  ++mine.active;
  return Permit(this, claimant.pipeline);
}

Result<RateBudget::Permit> RateBudget::Acquire(const RateClaimant& claimant, std::stop_token stop,
                                               milliseconds wait_max, int64_t* waited_ms) {
  const double scale = std::max(sleep_scale_, 1e-6);
  // Holds the slot while waiting for the token: others could not go either.
  ARROW_ASSIGN_OR_RAISE(Permit permit, TakeSlot(claimant, stop));
  for (;;) {
    milliseconds delay;
    {
      MutexLock lock(mutex_);
      delay = NextDelay();
    }
    if (delay.count() == 0) {
      if (shared_ != nullptr) ARROW_RETURN_NOT_OK(StandInLine(claimant, stop, wait_max, waited_ms));
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

Status RateBudget::StandInLine(const RateClaimant& claimant, const std::stop_token& stop, milliseconds wait_max,
                               int64_t* waited_ms) {
  {
    MutexLock lock(mutex_);
    Requests& mine = requests_[claimant.pipeline];
    const auto has_room = [&]() FIRN_REQUIRES(mutex_) { return mine.in_line < in_line_max_; };
    if (!freed_.wait(lock, stop, has_room)) {
      return MakeError(Fault::kCancelled, "stopped while waiting to send a request");
    }
    ++mine.in_line;
  }
  const Status waited = WaitForShared(claimant, stop, wait_max, waited_ms);
  {
    MutexLock lock(mutex_);
    --requests_[claimant.pipeline].in_line;
  }
  freed_.notify_all();
  return waited;
}

// Who wakes up long after its place would come close to those behind it: it takes another one.
Status RateBudget::WaitForShared(const RateClaimant& claimant, const std::stop_token& stop, milliseconds wait_max,
                                 int64_t* waited_ms) {
  const auto late_max = std::max<milliseconds>(
      kLateMin, milliseconds(static_cast<int64_t>(250 / limits_.requests_per_second * sleep_scale_)));
  for (int missed = 0;;) {
    ARROW_ASSIGN_OR_RAISE(const RatePlace place, SharedPlace(claimant, stop, wait_max));
    if (place.wait.count() == 0) return Status::OK();
    if (waited_ms != nullptr) {
      *waited_ms += static_cast<int64_t>(static_cast<double>(place.wait.count()) / std::max(sleep_scale_, 1e-6));
    }
    const auto due = clock_.Steady() + place.wait;
    ARROW_RETURN_NOT_OK(clock_.Sleep(place.wait, stop));
    if (place.taken && (clock_.Steady() - due <= late_max || missed++ == kMissedMax)) return Status::OK();
  }
}

// A rate file that cannot be used (kTransient) must not stop the run: this process alone then keeps the rate by waiting
// one interval.
Result<RatePlace> RateBudget::SharedPlace(const RateClaimant& claimant, const std::stop_token& stop,
                                          milliseconds wait_max) {
  auto place = shared_->Take(claimant, wait_max, stop);
  if (place.ok() || FaultOf(place.status()) != Fault::kTransient) return place;
  log::Warn("rate limit not shared with other processes", {{"reason", place.status().message()}});
  return RatePlace{
      .wait = milliseconds(static_cast<int64_t>(std::ceil(1'000 / limits_.requests_per_second * sleep_scale_)))};
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

RateSharing ShareByFiles(std::string folder, const Clock& clock, double sleep_scale) {
  return [folder = std::move(folder), &clock, sleep_scale](const std::string& name, const RateLimits& limits) {
    return SharedRateBucket::Make(folder + "/" + name, limits.requests_per_second * kUsedShare, clock, sleep_scale);
  };
}

RateBudget& RateBudgets::For(const std::string& host, const std::string& credential, RateLimits limits) {
  MutexLock lock(mutex_);
  auto& budget = budgets_[{host, credential}];
  if (budget == nullptr) {
    std::unique_ptr<SharedRateBucket> shared;
    if (sharing_ && limits.requests_per_second > 0) {
      shared = sharing_(Sha256Hex(host + "\n" + credential).substr(0, 32), limits);
    }
    limits.requests_per_second *= kUsedShare;
    budget = std::make_unique<RateBudget>(limits, clock_, sleep_scale_, std::move(shared));
  }
  return *budget;
}

}  // namespace firn::io
