#pragma once

#include <arrow/memory_pool.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <optional>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "base/thread_annotations.h"

namespace firn {

/// The memory of one run: what stages reserve (queues, caches, spill buffers) and what Arrow allocates, against one
/// total given at start. Thread-safe. Outlives its reservations and pools.
class MemoryBudget {
 public:
  /// Bytes held until destroyed or released. Movable. An empty one holds nothing.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation() { Release(); }
    int64_t bytes() const { return bytes_; }
    void Release();
    /// Gives back all but `bytes` <= bytes().
    void ShrinkTo(int64_t bytes);
    /// Takes `more` if it is free now; false if not.
    [[nodiscard]] bool TryGrow(int64_t more);

   private:
    friend class MemoryBudget;
    Reservation(MemoryBudget* budget, int64_t bytes) : budget_(budget), bytes_(bytes) {}
    MemoryBudget* budget_ = nullptr;
    int64_t bytes_ = 0;
  };

  struct WaitOptions {
    std::chrono::steady_clock::time_point deadline;  // real time
    std::stop_token stop;
  };

  /// `total_bytes` > 0.
  explicit MemoryBudget(int64_t total_bytes);
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Waits until `bytes` are free, in order of arrival, so that a large request is not starved by small ones.
  /// Errors: kConfig if `bytes` is more than the total, or the deadline passed (both: raise the budget; the message
  /// says wanted, used and total); kCancelled when stopped.
  Result<Reservation> Reserve(int64_t bytes, WaitOptions options);
  /// Takes `bytes` if they are free now and nobody waits; else nullopt: spill, shrink, or wait with Reserve.
  std::optional<Reservation> TryReserve(int64_t bytes);

  /// Counts without asking, for memory that is already allocated. May exceed the total; what is over blocks Reserve.
  void Charge(int64_t bytes);
  void Discharge(int64_t bytes);

  int64_t total_bytes() const { return total_bytes_; }
  int64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  int64_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }
  /// What is free; negative when charges went over the total.
  int64_t free_bytes() const { return total_bytes_ - used_bytes(); }
  /// True when more is used than the total: stages spill or shrink.
  bool over() const { return free_bytes() < 0; }

 private:
  bool TryTake(int64_t bytes);
  void Wake();

  const int64_t total_bytes_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> peak_{0};
  std::atomic<int64_t> num_waiting_{0};
  std::condition_variable_any freed_;
  Mutex mutex_;
  std::deque<uint64_t> waiting_ FIRN_GUARDED_BY(mutex_);  // tickets, first served first
  uint64_t next_ticket_ FIRN_GUARDED_BY(mutex_) = 0;
};

/// An Arrow pool that counts toward a budget, with its own use and peak. Allocation never blocks (it may hold locks of
/// Arrow's); above `limit_bytes` of this pool it fails with OutOfMemory. Thread-safe.
class BudgetedMemoryPool : public arrow::MemoryPool {
 public:
  /// `parent` is where memory really comes from. `limit_bytes` 0: none. Both references are borrowed.
  BudgetedMemoryPool(MemoryBudget& budget, arrow::MemoryPool& parent, int64_t limit_bytes = 0);

  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Free;
  using arrow::MemoryPool::Reallocate;
  Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override;
  Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment, uint8_t** ptr) override;
  void Free(uint8_t* buffer, int64_t size, int64_t alignment) override;
  void ReleaseUnused() override { parent_.ReleaseUnused(); }
  int64_t bytes_allocated() const override { return stats_.bytes_allocated(); }
  int64_t max_memory() const override { return stats_.max_memory(); }
  int64_t total_bytes_allocated() const override { return stats_.total_bytes_allocated(); }
  int64_t num_allocations() const override { return stats_.num_allocations(); }
  std::string backend_name() const override { return parent_.backend_name(); }

 private:
  Status CheckLimit(int64_t more) const;

  MemoryBudget& budget_;
  arrow::MemoryPool& parent_;
  const int64_t limit_bytes_;
  arrow::internal::MemoryPoolStats stats_;
};

}  // namespace firn
