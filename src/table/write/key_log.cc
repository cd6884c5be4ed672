#include "table/write/key_log.h"

#include <algorithm>

namespace firn::table {

namespace {

constexpr int64_t kFilterBitsPerKey = 16;
constexpr int kFilterProbes = 5;

}  // namespace

KeyFilter::KeyFilter(int64_t num_keys, int64_t bytes_max) {
  const int64_t wanted = std::max<int64_t>(num_keys, 1) * kFilterBitsPerKey / 64 + 1;
  const int64_t most = std::max<int64_t>(bytes_max / static_cast<int64_t>(sizeof(uint64_t)), 1);
  words_.assign(static_cast<size_t>(std::min(wanted, most)), 0);
}

uint64_t KeyFilter::MaskOf(const Hash128& hash) const {
  uint64_t mask = 0;
  for (int probe = 0; probe < kFilterProbes; ++probe) mask |= uint64_t{1} << ((hash.high >> (6 * probe)) & 63);
  return mask;
}

void KeyFilter::Add(const Hash128& hash) {
  words_[hash.low % words_.size()] |= MaskOf(hash);
}

bool KeyFilter::MayContain(const Hash128& hash) const {
  const uint64_t mask = MaskOf(hash);
  return (words_[hash.low % words_.size()] & mask) == mask;
}

}  // namespace firn::table
