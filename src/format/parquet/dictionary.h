#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "format/parquet/pool_vector.h"

namespace firn::format::parquet {

/// Distinct numbers in the order they came, compared by their bits (so both zeros and every NaN are kept as they are).
template <typename T>
class NumberDictionary {
 public:
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

  explicit NumberDictionary(arrow::MemoryPool* pool) : values_(pool), slots_(pool) {}

  /// Stores the index of each of `count` values at `indices`.
  Status Index(const T* values, int64_t count, uint32_t* indices) {
    for (int64_t i = 0; i < count; ++i) {
      const Bits bits = std::bit_cast<Bits>(values[i]);
      if (bits != last_bits_ || values_.empty()) {
        if (values_.size() * 2 >= slots_.size()) ARROW_RETURN_NOT_OK(Grow());
        last_index_ = Find(bits, values[i]);
        last_bits_ = bits;
      }
      indices[i] = last_index_;
    }
    return Status::OK();
  }
  const T* values() const { return values_.data(); }
  int64_t size() const { return values_.size(); }
  int64_t plain_bytes() const { return values_.size() * static_cast<int64_t>(sizeof(T)); }
  void Release() {
    values_.Release();
    slots_.Release();
  }

 private:
  uint64_t SlotOf(Bits bits) const { return (static_cast<uint64_t>(bits) * 0x9E3779B97F4A7C15ULL) >> shift_; }
  uint32_t Find(Bits bits, T value) {
    const uint64_t mask = static_cast<uint64_t>(slots_.size()) - 1;
    for (uint64_t slot = SlotOf(bits);; slot = (slot + 1) & mask) {
      uint32_t& entry = slots_[static_cast<int64_t>(slot)];
      if (entry == 0) {
        values_.Add(value);  // Grow made room
        entry = static_cast<uint32_t>(values_.size());
        return entry - 1;
      }
      if (std::bit_cast<Bits>(values_[entry - 1]) == bits) return entry - 1;
    }
  }
  Status Grow() {
    const int64_t size = std::max<int64_t>(32, slots_.size() * 4);
    slots_.Clear();
    ARROW_RETURN_NOT_OK(slots_.Reserve(size));
    ARROW_RETURN_NOT_OK(values_.Reserve(size / 2 - values_.size() + 1));
    std::memset(slots_.data(), 0, static_cast<size_t>(size) * sizeof(uint32_t));
    slots_.Advance(size);
    shift_ = 64 - std::countr_zero(static_cast<uint64_t>(size));
    const uint64_t mask = static_cast<uint64_t>(size) - 1;
    for (int64_t i = 0; i < values_.size(); ++i) {
      uint64_t slot = SlotOf(std::bit_cast<Bits>(values_[i]));
      while (slots_[static_cast<int64_t>(slot)] != 0) slot = (slot + 1) & mask;
      slots_[static_cast<int64_t>(slot)] = static_cast<uint32_t>(i + 1);
    }
    return Status::OK();
  }

  PoolVector<T> values_;
  PoolVector<uint32_t> slots_;  // index + 1, 0: free; at most half full
  int shift_ = 0;
  Bits last_bits_ = 0;
  uint32_t last_index_ = 0;
};

/// Distinct byte strings in the order they came, held as a dictionary page wants them: PLAIN, that is each with its
/// length in four bytes before it, or, of fixed width, without.
class BytesDictionary {
 public:
  BytesDictionary(bool with_length, arrow::MemoryPool* pool)
      : prefix_(with_length ? 4 : 0), plain_(pool), ends_(pool), slots_(pool) {}

  Result<uint32_t> Index(std::string_view value);
  std::string_view value(int64_t index) const {
    const int64_t begin = (index == 0 ? 0 : ends_[index - 1]) + prefix_;
    return {reinterpret_cast<const char*>(plain_.data()) + begin, static_cast<size_t>(ends_[index] - begin)};
  }
  int64_t size() const { return ends_.size(); }
  const Bytes& plain() const { return plain_; }
  int64_t plain_bytes() const { return plain_.size(); }
  void Release();

 private:
  struct Slot {
    uint32_t tag;    // other bits of the hash: most slots need no comparison of bytes
    uint32_t entry;  // index + 1, 0: free
  };
  Status Add(std::string_view value);
  Status Grow();

  const int64_t prefix_;
  Bytes plain_;
  PoolVector<uint32_t> ends_;  // of each value in plain_
  PoolVector<Slot> slots_;     // at most half full
};

}  // namespace firn::format::parquet
