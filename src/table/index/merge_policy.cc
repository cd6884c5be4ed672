#include "table/index/merge_policy.h"

#include <algorithm>

namespace firn::table::index {

namespace {

// A tail may hide small runs behind larger, newer ones; so many runs in all are merged whatever their tiers.
constexpr size_t kTailFactor = 8;

int TierOf(int64_t num_entries, const MergePolicy& policy) {
  int tier = 0;
  for (int64_t limit = policy.tier_entries; num_entries > limit && tier < 30; limit *= 4) ++tier;
  return tier;
}

}  // namespace

std::optional<MergeChoice> ChooseMerge(std::span<const int64_t> num_entries, const MergePolicy& policy) {
  const size_t size = num_entries.size();
  size_t begin = size;
  for (int tier = 0; begin > 0; ++tier) {
    // The tail of runs up to this tier. Newer, smaller runs go along for nothing.
    size_t num_of_tier = 0;
    for (size_t i = begin; i < size; ++i) num_of_tier += TierOf(num_entries[i], policy) == tier ? 1 : 0;
    for (; begin > 0 && TierOf(num_entries[begin - 1], policy) <= tier; --begin) {
      num_of_tier += TierOf(num_entries[begin - 1], policy) == tier ? 1 : 0;
    }
    if (num_of_tier >= policy.fan_in_min || size - begin >= kTailFactor * policy.fan_in_min) {
      return MergeChoice{.begin = begin, .end = std::min(begin + policy.fan_in_max, size)};
    }
  }
  return std::nullopt;
}

}  // namespace firn::table::index
