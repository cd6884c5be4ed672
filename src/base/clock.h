#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"

namespace firn {

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  int64_t micros = 0;
  friend auto operator<=>(Timestamp, Timestamp) = default;
};

/// Parses RFC 3339 ("2026-11-21T10:00:00Z", offset and up to 9 fraction digits allowed, the digits past microseconds
/// must be zero). Errors: kBadData.
Result<Timestamp> ParseTimestamp(std::string_view text);

/// Formats as RFC 3339 in UTC, with 6 fraction digits when they are not all zero.
std::string FormatTimestamp(Timestamp time);

/// The only way to time, sleep and deadlines (STYLE.md §5). Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// The wall clock. For leases, logs, snapshot times; ignores FIRN_NOW.
  virtual Timestamp Now() const = 0;
  /// A clock that never goes back, for deadlines and back-off; ignores FIRN_NOW.
  virtual std::chrono::steady_clock::time_point Steady() const = 0;
  /// The moment that expressions, incremental ends and the future-cursor guard see: FIRN_NOW (RFC 3339) if set, and
  /// then it does not move; else Now().
  virtual Timestamp LogicalNow() const = 0;
  /// Waits for `duration` or until `stop`. Errors: kCancelled when stopped first.
  virtual Status Sleep(std::chrono::milliseconds duration, std::stop_token stop) const = 0;
};

/// Returns the system's clock. Errors: kConfig if FIRN_NOW is set and is no RFC 3339 time.
Result<std::unique_ptr<Clock>> MakeSystemClock();

/// A clock for tests: time moves only by Advance, and Sleep advances it.
class FakeClock : public Clock {
 public:
  explicit FakeClock(Timestamp start = {.micros = 1'767'225'600'000'000}) : now_micros_(start.micros) {}
  void Advance(std::chrono::microseconds duration) { now_micros_ += duration.count(); }
  Timestamp Now() const override { return {.micros = now_micros_}; }
  std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(now_micros_));
  }
  Timestamp LogicalNow() const override { return Now(); }
  Status Sleep(std::chrono::milliseconds duration, std::stop_token stop) const override;

 private:
  mutable std::atomic<int64_t> now_micros_;
};

}  // namespace firn
