#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "table/index/key_hash.h"

namespace firn::table::index {

/// Answers "may this hash be in the run?", never wrongly "no". All bits of a hash are in one word; words are in the
/// order of hashes, so a sorted batch walks through memory forwards. 12 bits an entry give about 2 % wrong "yes", 8
/// about 5 %.
class RunFilter {
 public:
  RunFilter() = default;
  /// For `num_entries` of at most `bytes_max`; empty if that is too little to help.
  static RunFilter For(int64_t num_entries, int64_t bytes_max) {
    RunFilter filter;
    for (const int64_t bits : {12, 8}) {
      const int64_t words = num_entries * bits / 64 + 1;
      if (words * 8 > bytes_max) continue;
      filter.words_.assign(static_cast<size_t>(words), 0);
      break;
    }
    return filter;
  }
  explicit RunFilter(std::vector<uint64_t> words) : words_(std::move(words)) {}

  bool empty() const { return words_.empty(); }
  void Add(const KeyHash& hash) { words_[WordOf(hash)] |= MaskOf(hash); }
  /// True if the filter is empty.
  bool MayContain(const KeyHash& hash) const {
    if (words_.empty()) return true;
    const uint64_t mask = MaskOf(hash);
    return (words_[WordOf(hash)] & mask) == mask;
  }
  const std::vector<uint64_t>& words() const { return words_; }
  int64_t memory_bytes() const { return static_cast<int64_t>(words_.capacity() * sizeof(uint64_t)); }

 private:
  static constexpr int kProbes = 5;
  size_t WordOf(const KeyHash& hash) const {
    return static_cast<size_t>((static_cast<unsigned __int128>(hash.high) * words_.size()) >> 64);
  }
  static uint64_t MaskOf(const KeyHash& hash) {
    uint64_t mask = 0;
    for (int probe = 0; probe < kProbes; ++probe) mask |= uint64_t{1} << ((hash.low >> (6 * probe)) & 63);
    return mask;
  }
  std::vector<uint64_t> words_;
};

}  // namespace firn::table::index
