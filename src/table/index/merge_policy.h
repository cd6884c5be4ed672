#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace firn::table::index {

/// Runs [begin, end), in order of age, that become one.
struct MergeChoice {
  size_t begin = 0;
  size_t end = 0;
};

struct MergePolicy {
  size_t fan_in_min = 4;  // runs of one tier that are merged
  size_t fan_in_max = 64;
  int64_t tier_entries = 16'384;  // runs up to this size are of tier 0; each tier is four times the one below
};

/// Chooses among runs of the given sizes, from the oldest to the newest: the tail up to the lowest tier that has
/// `fan_in_min` runs in it; of that the oldest `fan_in_max`, so that what remains is still the newest and smallest.
std::optional<MergeChoice> ChooseMerge(std::span<const int64_t> num_entries, const MergePolicy& policy);

}  // namespace firn::table::index
