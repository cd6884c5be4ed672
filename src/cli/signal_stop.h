#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace firn::cli {

/// Turns the first SIGINT or SIGTERM into a stop request; the second ends the process at once (no row is lost or
/// doubled either way). One per process, made in Main. Blocks the signals in all threads started after it and waits for
/// them in a thread of its own.
class SignalStop {
 public:
  SignalStop();
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  /// The signal that came first, 0 if none did.
  int signal() const { return signal_.load(); }

 private:
  void Wait();

  std::stop_source stop_;
  std::atomic<int> signal_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace firn::cli
