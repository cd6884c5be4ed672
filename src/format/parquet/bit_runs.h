#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace firn::format::parquet {

/// Returns `count` (1 to 64) bits from bit `offset` on, least first; the bits above are 0. Reads no byte that holds
/// none of them.
inline uint64_t LoadBits(const uint8_t* bitmap, int64_t offset, int64_t count) {
  const uint8_t* from = bitmap + offset / 8;
  const auto shift = static_cast<int>(offset % 8);
  const int64_t num_bytes = (shift + count + 7) / 8;
  uint64_t bits = 0;
  std::memcpy(&bits, from, static_cast<size_t>(std::min<int64_t>(num_bytes, 8)));
  bits >>= shift;
  if (num_bytes > 8) bits |= static_cast<uint64_t>(from[8]) << (64 - shift);
  return count == 64 ? bits : bits & ((uint64_t{1} << count) - 1);
}

/// Calls `on_run(set, position, length)` for runs of equal bits, in order, positions counted from `offset`. A run may
/// come in pieces. Most runs here are a few bits, which a reader of long runs would spend more on to begin than to
/// read.
template <typename OnRun>
void VisitBitRuns(const uint8_t* bitmap, int64_t offset, int64_t count, OnRun&& on_run) {
  for (int64_t begin = 0; begin < count; begin += 64) {
    const int64_t size = std::min<int64_t>(64, count - begin);
    uint64_t bits = LoadBits(bitmap, offset + begin, size);
    for (int64_t at = 0; at < size;) {
      const bool set = (bits & 1) != 0;
      const auto equal = static_cast<int64_t>(set ? std::countr_one(bits) : std::countr_zero(bits));
      const int64_t length = std::min(equal, size - at);
      on_run(set, begin + at, length);
      at += length;
      bits = length == 64 ? 0 : bits >> length;
    }
  }
}

}  // namespace firn::format::parquet
