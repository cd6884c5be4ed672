#include "state/stored_rate_bucket.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"

namespace firn::state {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kLook{20};           // of who waits for units
constexpr milliseconds kNapOfRenewal{100};  // between two looks whether something is urgent
constexpr milliseconds kRenewSoon{1'000};   // while others still hold what is to be had

class StoredRateBucket : public io::SharedRateBucket {
 public:
  StoredRateBucket(const Clock& clock, io::ConditionalStore& store, const RateShareOptions& options, double sleep_scale)
      : clock_(clock),
        options_(options),
        sleep_scale_(std::max(sleep_scale, 1e-6)),
        share_(clock, store, options),
        counted_from_(clock.Steady()) {}

  ~StoredRateBucket() override {
    renewal_.Stop();
    const Status joined = renewal_.Join();
    if (!begun_) return;
    const Status given_back = share_.GiveBack();
    if (!given_back.ok()) {
      log::Warn("share of a rate not given back, it ends by itself", {{"reason", given_back.message()}});
    }
  }

  Result<io::RatePlace> Take(const io::RateClaimant& claimant, milliseconds wait_max, std::stop_token stop) override {
    Note(claimant);
    for (int64_t waited_ms = 0;;) {
      if (const auto place = share_.Take()) return PlaceAt(*place, wait_max);
      ARROW_RETURN_NOT_OK(Failure(waited_ms, wait_max));
      ARROW_RETURN_NOT_OK(clock_.Sleep(kLook, stop));
      waited_ms += kLook.count();
    }
  }

  Status Pause(milliseconds delay, std::stop_token /*stop*/) override {
    share_.Pause(duration_cast<microseconds>(delay * sleep_scale_));
    urgent_ = true;
    return Status::OK();
  }

 private:
  // Who asks tells what is needed, and the first begins the renewal.
  void Note(const io::RateClaimant& claimant) FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    pipelines_.insert(claimant.pipeline);
    is_background_ = claimant.background && (is_background_ || num_asked_ == 0);
    ++num_asked_;
    if (std::exchange(begun_, true)) return;
    renewal_.Spawn([this](std::stop_token stop) { return KeepRenewing(stop); });
  }

  Result<io::RatePlace> PlaceAt(const RateShare::Place& place, milliseconds wait_max) FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (place.taken) {
      ++num_taken_;
      return io::RatePlace{};
    }
    ++num_waits_;
    const auto wait = std::chrono::ceil<milliseconds>(place.at - clock_.Steady());
    const auto counted = static_cast<int64_t>(static_cast<double>(wait.count()) / sleep_scale_);
    if (counted <= wait_max.count()) return io::RatePlace{.wait = std::max(wait, milliseconds(1)), .taken = false};
    return MakeError(Fault::kUnreachable,
                     "rate limit reached: next request allowed in " + std::to_string(counted / 1'000) +
                         " s, longer than this run waits",
                     {.next = "run again later"});
  }

  // Why whoever waits for units should not go on waiting.
  Status Failure(int64_t waited_ms, milliseconds wait_max) FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!renewed_.ok() && FaultOf(renewed_) == Fault::kConfig) return renewed_;
    if (waited_ms < wait_max.count()) return Status::OK();
    return MakeError(Fault::kUnreachable,
                     "no share of the rate limit came in " + std::to_string(waited_ms / 1'000) + " s",
                     {.why = renewed_.ok() ? "all of it is in use by others" : renewed_.message(),
                      .state = "what was committed stays",
                      .next = "run again later"});
  }

  // What was asked since the last renewal, as units.
  RateNeed TakeNeed() FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto now = clock_.Steady();
    const auto passed = std::max<int64_t>(1, duration_cast<microseconds>(now - counted_from_).count());
    const int64_t used = num_taken_ * options_.window.count() / passed;
    // Who had to wait for every place could use all of them.
    const bool is_hungry = num_waits_ * 2 > num_taken_ || (num_taken_ == 0 && num_asked_ > 0);
    const RateNeed need{.wanted = is_hungry ? options_.units : 1 + used + used / 4,
                        .pipelines = static_cast<int64_t>(pipelines_.size()),
                        .background = is_background_};
    pipelines_.clear();
    num_asked_ = num_taken_ = num_waits_ = 0;
    counted_from_ = now;
    return need;
  }

  Status KeepRenewing(const std::stop_token& stop) {
    for (;;) {
      const Status renewed = share_.Renew(TakeNeed());
      const bool failed_before = SetRenewed(renewed);
      if (!renewed.ok() && !failed_before) {
        log::Warn("share of a rate not renewed", {{"location", options_.location}, {"reason", renewed.message()}});
      }
      const bool soon = !renewed.ok() || share_.wants_more();
      const milliseconds pause = soon ? kRenewSoon : options_.lifetime / 3;
      for (milliseconds slept{0}; slept < pause && !urgent_; slept += kNapOfRenewal) {
        if (!clock_.Sleep(kNapOfRenewal, stop).ok()) return Status::OK();
      }
      urgent_ = false;
    }
  }

  bool SetRenewed(const Status& renewed) FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return !std::exchange(renewed_, renewed).ok();
  }

  const Clock& clock_;
  const RateShareOptions options_;
  const double sleep_scale_;
  RateShare share_;
  std::atomic<bool> urgent_ = false;
  Mutex mutex_;
  bool begun_ = false;  // written under the lock, read by the destructor alone without
  Status renewed_ FIRN_GUARDED_BY(mutex_);
  std::set<std::string> pipelines_ FIRN_GUARDED_BY(mutex_);
  bool is_background_ FIRN_GUARDED_BY(mutex_) = false;
  int64_t num_asked_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t num_taken_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t num_waits_ FIRN_GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point counted_from_ FIRN_GUARDED_BY(mutex_);
  TaskGroup renewal_;
};

}  // namespace

std::unique_ptr<io::SharedRateBucket> MakeStoredRateBucket(const Clock& clock, io::ConditionalStore& store,
                                                           RateShareOptions options, double sleep_scale) {
  return std::make_unique<StoredRateBucket>(clock, store, options, sleep_scale);
}

}  // namespace firn::state
