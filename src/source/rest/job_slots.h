#pragma once

#include <chrono>
#include <condition_variable>
#include <stop_token>
#include <utility>

#include "base/status.h"
#include "base/thread_annotations.h"

namespace firn::source::rest {

/// The jobs that one source may have under way at once. Thread-safe.
class JobSlots {
 public:
  explicit JobSlots(int slots_max) : free_(slots_max) {}

  /// Held while a job is under way. Movable; gives its place back at its end.
  class Slot {
   public:
    explicit Slot(JobSlots* owner) : owner_(owner) {}
    Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (owner_ != nullptr) owner_->Release();
    }

   private:
    JobSlots* owner_;
  };

  /// Waits for a place. Errors: kUnreachable E0543 after `wait_max`; kCancelled.
  Result<Slot> Take(std::chrono::milliseconds wait_max, std::stop_token stop);

 private:
  void Release();

  Mutex mutex_;
  std::condition_variable_any freed_;
  int free_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::source::rest
