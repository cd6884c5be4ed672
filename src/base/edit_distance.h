#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace firn {

/// Returns the number of single-character insertions, deletions, replacements and swaps of neighbours between `a` and
/// `b` (optimal string alignment), ignoring case. Inputs longer than 64 bytes count as 64 apart unless equal.
size_t EditDistance(std::string_view a, std::string_view b);

/// Returns the candidate a person probably meant by `word`: at most a third of its letters away, at least one allowed.
std::optional<std::string> Nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace firn
