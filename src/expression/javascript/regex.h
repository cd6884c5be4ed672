#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace firn::expression::javascript {

/// ECMAScript's regular expressions on UTF-16 units, or on code points with the flag u. (jinja/regex.h has Python's,
/// whose classes, groups and back references differ.) Backtracks on a stack of its own, within a number of steps.
class Regex {
 public:
  using Span = std::pair<size_t, size_t>;
  using Groups = std::vector<std::optional<Span>>;  // [0] is the whole match; units

  /// `flags`: of i, m, s and u; others are ignored. Errors: kBadData for what is no pattern or not supported.
  static Result<Regex> Compile(std::u16string_view pattern, std::string_view flags);

  /// Finds the first match at or after `from` (with `sticky`: at `from` only); nullopt when there is none. Takes the
  /// steps from `*steps`. Errors: kBadData when they are used up.
  struct Options {
    size_t from = 0;
    bool sticky = false;
  };
  Result<std::optional<Groups>> Search(std::u16string_view text, Options options, int64_t* steps) const;

  size_t num_groups() const { return num_groups_; }
  /// Named groups with their numbers, in the order of the pattern.
  const std::vector<std::pair<std::u16string, size_t>>& names() const { return names_; }
  bool unicode() const { return unicode_; }

  struct Instruction {
    enum class Op : uint8_t {
      kCharacter,      // code
      kAny,            // . without line ends
      kAll,            // . with them
      kClass,          // classes_[index]
      kBackReference,  // index: group
      kLineBegin,
      kLineEnd,
      kWordEdge,
      kNotWordEdge,
      kJump,       // to target
      kSplit,      // next first, then target
      kSplitLazy,  // target first, then next
      kSave,       // slot index = position
      kReset,      // slots [index, target) are unset
      kProgress,   // fails when the position is the one saved in slot index
      kLook,       // the instructions up to target; negated
      kLookEnd,
      kMatch,
    };
    Op op = Op::kMatch;
    bool negated = false;
    bool back = false;  // in a look-behind: reads the character before the position
    char32_t code = 0;
    uint32_t index = 0;
    uint32_t target = 0;
  };
  struct Class {
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    std::vector<std::pair<char, bool>> properties;  // of \p{…}: letter, upper, lower, number; negated
  };

 private:
  friend class RegexCompiler;
  friend class RegexMatcher;
  std::vector<Instruction> program_;
  std::vector<Class> classes_;
  std::vector<std::pair<std::u16string, size_t>> names_;
  size_t num_groups_ = 0;
  size_t num_slots_ = 0;
  bool ignore_case_ = false;
  bool multiline_ = false;
  bool dot_all_ = false;
  bool unicode_ = false;
};

/// The letter that case-insensitive matching compares.
char32_t Canonical(char32_t code, bool unicode);

}  // namespace firn::expression::javascript
