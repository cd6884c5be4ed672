#pragma once

#include "base/clock.h"

namespace firn {

/// Another clock, borrowed, whose logical now stands at one moment, as with FIRN_NOW. Thread-safe.
class FixedClock : public Clock {
 public:
  FixedClock(const Clock& clock, Timestamp now) : clock_(clock), now_(now) {}
  Timestamp Now() const override { return clock_.Now(); }
  std::chrono::steady_clock::time_point Steady() const override { return clock_.Steady(); }
  Timestamp LogicalNow() const override { return now_; }
  Status Sleep(std::chrono::milliseconds duration, std::stop_token stop) const override {
    return clock_.Sleep(duration, stop);
  }

 private:
  const Clock& clock_;
  const Timestamp now_;
};

}  // namespace firn
