#pragma once

#include <cstdint>
#include <span>

namespace firn {

/// A seeded generator (xoshiro256**, Blackman and Vigna 2018): the same seed gives the same sequence on every machine.
/// Not for secrets. Not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed);
  /// 64 random bits.
  uint64_t Next();
  /// Uniform in [0, bound); `bound` > 0.
  uint64_t Below(uint64_t bound);
  /// Uniform in [0, 1).
  double Uniform();

 private:
  uint64_t state_[4];
};

/// The seed of this process: FIRN_SEED (decimal) if set, else from the kernel. Tests print it.
uint64_t ProcessSeed();

/// Fills `bytes` from the kernel's generator (getrandom). For ids and secrets.
void FillRandom(std::span<uint8_t> bytes);

}  // namespace firn
