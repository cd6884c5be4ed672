#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::expression::jinja {

/// Python's `re` on code points: alternatives, groups (also named and non-capturing), classes, greedy and lazy repeats,
/// anchors, \b, look-ahead and look-behind of fixed length, back references, the flags i, m, s in (?i) form.
/// Backtracks, within a number of steps.
class Regex {
 public:
  using Groups = std::vector<std::optional<std::pair<size_t, size_t>>>;  // [0] is the whole match; code points

  /// Errors: kBadData for what is no pattern or not supported.
  static Result<Regex> Compile(std::string_view pattern);

  /// Finds the first match at or after `from`; nullopt when there is none. Errors: kBadData when it takes too many
  /// steps.
  Result<std::optional<Groups>> Search(std::u32string_view text, size_t from) const;
  size_t num_groups() const { return num_groups_; }
  /// The number of a named group, or 0.
  size_t GroupOf(std::string_view name) const;

  struct Node;

 private:
  std::vector<Node> nodes_;
  int32_t root_ = -1;
  size_t num_groups_ = 0;
  std::vector<std::pair<std::string, size_t>> names_;
  bool ignore_case_ = false;
  friend class RegexParser;
  friend class RegexMatcher;

 public:
  Regex();
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
};

/// re.sub's replacement text with \1, \g<1>, \g<name> and \n filled in. Errors: kBadData.
Result<std::string> ExpandReplacement(const Regex& regex, std::string_view replacement, std::u32string_view text,
                                      const Regex::Groups& groups);

}  // namespace firn::expression::jinja
