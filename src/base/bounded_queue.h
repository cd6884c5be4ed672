#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/status.h"
#include "base/thread_annotations.h"

namespace firn {

/// A first-in first-out queue bounded in bytes: a full queue blocks the producer. An item larger than the bound is
/// admitted alone, so a queue never dead-locks on one big item. Thread-safe for any number of producers and consumers.
///
/// Stopped is an error, never an end of stream: a consumer that mixed the two would commit half a table.
template <typename T>
class BoundedQueue {
 public:
  /// `bytes_max` > 0.
  explicit BoundedQueue(int64_t bytes_max) : bytes_max_(bytes_max) { FIRN_CHECK(bytes_max > 0); }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  /// Waits for room, then appends. `size_bytes` >= 0 is what the item is charged. Not to be called after Finish().
  /// Errors: kCancelled when stopped; the item is dropped then.
  Status Push(T item, int64_t size_bytes, std::stop_token stop) {
    FIRN_CHECK(size_bytes >= 0);
    {
      MutexLock lock(mutex_);
      room_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) { return HasRoom(size_bytes); });
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while putting into a queue");
      FIRN_CHECK(!finished_);
      items_.push_back({std::move(item), size_bytes});
      bytes_ += size_bytes;
      if (bytes_ > bytes_peak_) bytes_peak_ = bytes_;
    }
    filled_.notify_all();  // consumers may wait with different stop tokens
    return Status::OK();
  }

  /// Waits for an item. nullopt only after Finish() and when all items were taken.
  /// Errors: kCancelled when stopped, even if items are left.
  Result<std::optional<T>> Pop(std::stop_token stop) {
    std::optional<T> item;
    {
      MutexLock lock(mutex_);
      filled_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) { return !items_.empty() || finished_; });
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while taking from a queue");
      if (items_.empty()) return item;
      item.emplace(std::move(items_.front().item));
      bytes_ -= items_.front().size_bytes;
      items_.pop_front();
    }
    room_.notify_all();  // producers wait for different amounts
    return item;
  }

  /// Ends the stream. Called once all producers have ended, on success alone.
  void Finish() {
    {
      MutexLock lock(mutex_);
      finished_ = true;
    }
    filled_.notify_all();
  }

  /// Bytes now in the queue, and the most there ever were.
  int64_t bytes() const {
    MutexLock lock(mutex_);
    return bytes_;
  }
  int64_t bytes_peak() const {
    MutexLock lock(mutex_);
    return bytes_peak_;
  }

 private:
  struct Slot {
    T item;
    int64_t size_bytes;
  };

  bool HasRoom(int64_t size_bytes) const FIRN_REQUIRES(mutex_) {
    return items_.empty() || bytes_ + size_bytes <= bytes_max_;
  }

  const int64_t bytes_max_;
  std::condition_variable_any room_;
  std::condition_variable_any filled_;
  mutable Mutex mutex_;
  std::deque<Slot> items_ FIRN_GUARDED_BY(mutex_);
  int64_t bytes_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t bytes_peak_ FIRN_GUARDED_BY(mutex_) = 0;
  bool finished_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace firn
