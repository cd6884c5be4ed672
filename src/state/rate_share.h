#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "io/conditional_store.h"
#include "state/rate_shares.h"

namespace firn::state {

struct RateShareOptions {
  std::string location;  // of the document
  int64_t units = 1;     // of all who share, at least 1
  std::chrono::microseconds window{1'000'000};
  std::chrono::milliseconds lifetime{10'000};  // of a claim, renewed every third of it
  std::chrono::milliseconds margin{15'000};    // by how much clocks may differ
};

/// What a process can use of the rate.
struct RateNeed {
  int64_t wanted = 1;
  int64_t pipelines = 1;
  bool background = false;
};

/// One process's share of a rate. It holds in any window, whoever dies at whatever step, that all who share it send no
/// more than `units` requests (docs/decisions/0013-shared-rates.md): units are used until their claim ends by the
/// steady clock, given back before that is written, and used by another only when a window has passed after it was
/// written. Thread-safe; Renew and GiveBack are called by one thread.
class RateShare {
 public:
  /// Everything borrowed outlives it. Does no I/O.
  RateShare(const Clock& clock, io::ConditionalStore& store, RateShareOptions options);

  /// Renews the claim, giving up what others should have and taking what is free. One read and one write; some more if
  /// others write meanwhile. Errors, with the units kept that the claim had: those of the store; kConfig E0753 of a
  /// newer firn; kTransient if others are always faster.
  Status Renew(const RateNeed& need);
  /// Ends the claim.
  Status GiveBack();

  struct Place {
    std::chrono::steady_clock::time_point at;  // not before
    bool taken = false;                        // `at` is now, and one request may go
  };
  /// Takes the next place if it has come. nullopt: there are no units now.
  std::optional<Place> Take();
  /// Nobody sends for `delay`; the others hear it with the next Renew.
  void Pause(std::chrono::microseconds delay);

  /// Whether others hold units that the last Renew found to be its own.
  bool wants_more() const;
  int64_t units() const;  // that may be used now

 private:
  using Steady = std::chrono::steady_clock::time_point;

  Status TryRenew(const RateNeed& need);
  void Confirm(int64_t units, Steady until, bool rested);
  void Shrink(int64_t units);
  int64_t UnitsAt(Steady now) const FIRN_REQUIRES(mutex_);

  const Clock& clock_;
  io::ConditionalStore& store_;
  const RateShareOptions options_;
  const std::string id_;
  mutable Mutex mutex_;
  int64_t units_ FIRN_GUARDED_BY(mutex_) = 0;    // that may be used
  int64_t granted_ FIRN_GUARDED_BY(mutex_) = 0;  // from granted_from_ on
  Steady granted_from_ FIRN_GUARDED_BY(mutex_);
  Steady until_ FIRN_GUARDED_BY(mutex_);  // the claim ends
  Steady next_ FIRN_GUARDED_BY(mutex_);
  Steady paused_until_ FIRN_GUARDED_BY(mutex_);
  bool wants_more_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace firn::state
