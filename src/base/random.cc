#include "base/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/status.h"

namespace firn {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): spreads a seed over the state, so that seeds 1 and 2 give unrelated sequences.
uint64_t SplitMix(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix(&seed);
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  FIRN_CHECK(bound > 0);
  const uint64_t biased_below = (0 - bound) % bound;  // 2^64 mod bound: values under it would be drawn once too often
  for (;;) {
    const uint64_t value = Next();
    if (value >= biased_below) return value % bound;
  }
}

double Random::Uniform() {
  return static_cast<double>(Next() >> 11) * 0x1.0p-53;
}

uint64_t ProcessSeed() {
  if (const char* text = std::getenv("FIRN_SEED"); text != nullptr && *text != '\0') {
    return std::strtoull(text, nullptr, 10);
  }
  uint8_t bytes[8];
  FillRandom(bytes);
  uint64_t seed = 0;
  for (const uint8_t byte : bytes) seed = seed << 8 | byte;
  return seed;
}

void FillRandom(std::span<uint8_t> bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + at, bytes.size() - at, 0);
    if (got > 0) at += static_cast<size_t>(got);
    FIRN_CHECK(got > 0 || errno == EINTR);  // cannot fail otherwise on Linux >= 3.17
  }
}

}  // namespace firn
