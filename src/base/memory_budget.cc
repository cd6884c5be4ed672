#include "base/memory_budget.h"

#include <algorithm>
#include <utility>

#include "base/byte_size.h"

namespace firn {

MemoryBudget::Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryBudget::Reservation& MemoryBudget::Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    Release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void MemoryBudget::Reservation::Release() {
  if (budget_ != nullptr) budget_->Discharge(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

void MemoryBudget::Reservation::ShrinkTo(int64_t bytes) {
  FIRN_CHECK(bytes >= 0 && bytes <= bytes_);
  if (budget_ != nullptr) budget_->Discharge(bytes_ - bytes);
  bytes_ = bytes;
}

bool MemoryBudget::Reservation::TryGrow(int64_t more) {
  FIRN_CHECK(budget_ != nullptr && more >= 0);
  if (!budget_->TryTake(more)) return false;
  bytes_ += more;
  return true;
}

MemoryBudget::MemoryBudget(int64_t total_bytes) : total_bytes_(total_bytes) {
  FIRN_CHECK(total_bytes > 0);
}

bool MemoryBudget::TryTake(int64_t bytes) {
  int64_t used = used_.load();
  do {
    if (bytes > total_bytes_ - used) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes));
  int64_t peak = peak_.load();
  while (peak < used + bytes && !peak_.compare_exchange_weak(peak, used + bytes)) {
  }
  return true;
}

Result<MemoryBudget::Reservation> MemoryBudget::Reserve(int64_t bytes, WaitOptions options) {
  FIRN_CHECK(bytes >= 0);
  const auto full = [&](const char* what) {
    return MakeError(Fault::kConfig,
                     std::string(what) + ": wanted " + FormatByteSize(bytes) + ", used " +
                         FormatByteSize(used_bytes()) + " of " + FormatByteSize(total_bytes_),
                     {.next = "raise --memory"});
  };
  if (bytes > total_bytes_) return full("memory budget is too small");
  MutexLock lock(mutex_);
  const uint64_t ticket = next_ticket_++;
  waiting_.push_back(ticket);
  // Counted before the first look: a Discharge between look and wait then sees the waiter and takes the mutex.
  num_waiting_.fetch_add(1);
  const bool taken = freed_.wait_until(lock, options.stop, options.deadline, [&]() FIRN_REQUIRES(mutex_) {
    return waiting_.front() == ticket && TryTake(bytes);
  });
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
  num_waiting_.fetch_sub(1);
  const bool stopped = options.stop.stop_requested();
  if (taken && stopped) used_.fetch_sub(bytes);
  freed_.notify_all();  // the next in line may fit as well
  if (taken && !stopped) return Reservation(this, bytes);
  if (stopped) return MakeError(Fault::kCancelled, "stopped while waiting for memory");
  return full("memory did not become free in time");
}

std::optional<MemoryBudget::Reservation> MemoryBudget::TryReserve(int64_t bytes) {
  FIRN_CHECK(bytes >= 0);
  if (num_waiting_.load() > 0 || !TryTake(bytes)) return std::nullopt;
  return Reservation(this, bytes);
}

void MemoryBudget::Charge(int64_t bytes) {
  const int64_t used = used_.fetch_add(bytes) + bytes;
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < used && !peak_.compare_exchange_weak(peak, used)) {
  }
}

void MemoryBudget::Discharge(int64_t bytes) {
  used_.fetch_sub(bytes);
  if (num_waiting_.load() > 0) Wake();
}

void MemoryBudget::Wake() {
  {
    MutexLock lock(mutex_);
  }  // a waiter is now either before its look or in its wait
  freed_.notify_all();
}

BudgetedMemoryPool::BudgetedMemoryPool(MemoryBudget& budget, arrow::MemoryPool& parent, int64_t limit_bytes)
    : budget_(budget), parent_(parent), limit_bytes_(limit_bytes) {}

Status BudgetedMemoryPool::CheckLimit(int64_t more) const {
  if (limit_bytes_ == 0 || more <= limit_bytes_ - stats_.bytes_allocated()) return Status::OK();
  return Status::OutOfMemory("memory limit of ", FormatByteSize(limit_bytes_),
                             " reached: ", FormatByteSize(stats_.bytes_allocated()), " used, ", FormatByteSize(more),
                             " wanted");
}

Status BudgetedMemoryPool::Allocate(int64_t size, int64_t alignment, uint8_t** out) {
  ARROW_RETURN_NOT_OK(CheckLimit(size));
  ARROW_RETURN_NOT_OK(parent_.Allocate(size, alignment, out));
  stats_.DidAllocateBytes(size);
  budget_.Charge(size);
  return Status::OK();
}

Status BudgetedMemoryPool::Reallocate(int64_t old_size, int64_t new_size, int64_t alignment, uint8_t** ptr) {
  ARROW_RETURN_NOT_OK(CheckLimit(new_size - old_size));
  ARROW_RETURN_NOT_OK(parent_.Reallocate(old_size, new_size, alignment, ptr));
  stats_.DidReallocateBytes(old_size, new_size);
  if (new_size >= old_size) {
    budget_.Charge(new_size - old_size);
  } else {
    budget_.Discharge(old_size - new_size);
  }
  return Status::OK();
}

void BudgetedMemoryPool::Free(uint8_t* buffer, int64_t size, int64_t alignment) {
  parent_.Free(buffer, size, alignment);
  stats_.DidFreeBytes(size);
  budget_.Discharge(size);
}

}  // namespace firn
