#pragma once

#include <arrow/memory_pool.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/status.h"

namespace firn::format::parquet {

/// A growing array of plain values in the memory of an Arrow pool, so that the pool knows what an encoder holds. Takes
/// no memory while it is empty. Room is asked for once per run of values, then values are added unchecked.
template <typename T>
class PoolVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit PoolVector(arrow::MemoryPool* pool) : pool_(pool) {}
  ~PoolVector() { Release(); }
  PoolVector(const PoolVector&) = delete;
  PoolVector& operator=(const PoolVector&) = delete;

  T* data() { return reinterpret_cast<T*>(memory_); }
  const T* data() const { return reinterpret_cast<const T*>(memory_); }
  T* end() { return data() + size_; }
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](int64_t index) { return data()[index]; }
  const T& operator[](int64_t index) const { return data()[index]; }

  /// Makes room for `more` values beyond the present ones. Errors: OutOfMemory of the pool.
  Status Reserve(int64_t more) {
    if (size_ + more <= capacity_) return Status::OK();
    return Grow(size_ + more);
  }
  /// Adds without a check: room was reserved.
  void Add(T value) { data()[size_++] = value; }
  void Add(const T* values, int64_t count) {
    if (count > 0) std::memcpy(end(), values, static_cast<size_t>(count) * sizeof(T));
    size_ += count;
  }
  /// Takes in `count` values that were stored at end().
  void Advance(int64_t count) { size_ += count; }
  /// Forgets the values and keeps the memory.
  void Clear() { size_ = 0; }
  /// Gives the memory back.
  void Release() {
    if (memory_ != nullptr) pool_->Free(memory_, Bytes(capacity_));
    memory_ = nullptr;
    size_ = capacity_ = 0;
  }

 private:
  static constexpr int64_t kBytesMin = 64;
  static int64_t Bytes(int64_t count) { return count * static_cast<int64_t>(sizeof(T)); }

  Status Grow(int64_t needed) {
    const int64_t capacity = std::max({needed, capacity_ * 2, kBytesMin / static_cast<int64_t>(sizeof(T))});
    if (memory_ == nullptr) {
      ARROW_RETURN_NOT_OK(pool_->Allocate(Bytes(capacity), &memory_));
    } else {
      ARROW_RETURN_NOT_OK(pool_->Reallocate(Bytes(capacity_), Bytes(capacity), &memory_));
    }
    capacity_ = capacity;
    return Status::OK();
  }

  arrow::MemoryPool* pool_;
  uint8_t* memory_ = nullptr;
  int64_t size_ = 0;
  int64_t capacity_ = 0;
};

using Bytes = PoolVector<uint8_t>;

}  // namespace firn::format::parquet
