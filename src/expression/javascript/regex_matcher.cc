#include <algorithm>

#include "expression/javascript/regex.h"
#include "expression/javascript/utf16.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::javascript {
namespace {

using Op = Regex::Instruction::Op;

constexpr size_t kUnset = static_cast<size_t>(-1);
constexpr size_t kStackMax = 1 << 20;  // choices and undo records of one match

bool IsLineEnd(char32_t code) {
  return code == '\n' || code == '\r' || code == 0x2028 || code == 0x2029;
}

bool IsWord(char32_t code) {
  return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z') || code == '_';
}

bool HasProperty(char property, char32_t code) {
  switch (property) {
    case 'L':
      return jinja::IsAlphabetic(code);
    case 'U':
      return jinja::IsAlphabetic(code) && jinja::IsUpper(code);
    case 'l':
      return jinja::IsAlphabetic(code) && jinja::IsLower(code);
    default:
      return jinja::IsDecimal(code);
  }
}

bool InClass(const Regex::Class& set, char32_t code) {
  for (const auto& [low, high] : set.ranges) {
    if (code >= low && code <= high) return true;
  }
  for (const auto& [property, negated] : set.properties) {
    if (HasProperty(property, code) != negated) return true;
  }
  return false;
}

char32_t OneLetter(char32_t code, void (*append)(char32_t, std::string*)) {
  std::string text;
  append(code, &text);
  const std::u32string changed = jinja::Decode(text);
  return changed.size() == 1 ? changed[0] : code;
}

}  // namespace

char32_t Canonical(char32_t code, bool unicode) {
  if (code < 128) {
    if (unicode) return code >= 'A' && code <= 'Z' ? code + 32 : code;
    return code >= 'a' && code <= 'z' ? code - 32 : code;
  }
  if (unicode) return OneLetter(OneLetter(code, jinja::AppendUpper), jinja::AppendLower);
  const char32_t upper = OneLetter(code, jinja::AppendUpper);
  return upper < 128 ? code : upper;
}

/// One search: the program runs on a stack of choices; each change of a slot leaves a record to undo it.
class RegexMatcher {
 public:
  RegexMatcher(const Regex& regex, std::u16string_view text, int64_t* steps)
      : regex_(regex), text_(text), steps_(*steps), slots_(regex.num_slots_, kUnset) {}

  Result<std::optional<Regex::Groups>> Run(Regex::Options options) {
    for (size_t at = options.from; at <= text_.size(); ++at) {
      std::fill(slots_.begin(), slots_.end(), kUnset);
      stack_.clear();
      ARROW_ASSIGN_OR_RAISE(const bool matched, Match(0, at));
      if (matched) return Found();
      if (options.sticky) break;
      if (regex_.unicode_ && at < text_.size()) {
        size_t next = at;
        NextCodePoint(text_, &next);
        at = next - 1;
      }
    }
    return std::nullopt;
  }

 private:
  struct Record {
    uint32_t instruction;  // a choice: where to go on; an undo record: kUndo + slot
    size_t position;       // or the slot's old value
  };
  static constexpr uint32_t kUndo = 0x80000000;

  std::optional<Regex::Groups> Found() const {
    Regex::Groups groups(regex_.num_groups_ + 1);
    for (size_t i = 0; i < groups.size(); ++i) {
      if (slots_[2 * i] != kUnset && slots_[2 * i + 1] != kUnset) groups[i] = {slots_[2 * i], slots_[2 * i + 1]};
    }
    return groups;
  }

  void Set(uint32_t slot, size_t value) {
    stack_.push_back({kUndo + slot, slots_[slot]});
    slots_[slot] = value;
  }

  // Takes back changes until a choice above `base` is found; false when there is none.
  bool Backtrack(size_t base, uint32_t* pc, size_t* position) {
    while (stack_.size() > base) {
      const Record record = stack_.back();
      stack_.pop_back();
      if (record.instruction < kUndo) {
        *pc = record.instruction;
        *position = record.position;
        return true;
      }
      slots_[record.instruction - kUndo] = record.position;
    }
    return false;
  }

  // The choices above `base` are given up, the undo records stay for whoever backtracks further.
  void Commit(size_t base) {
    const auto kept = std::remove_if(stack_.begin() + static_cast<std::ptrdiff_t>(base), stack_.end(),
                                     [](const Record& record) { return record.instruction < kUndo; });
    stack_.erase(kept, stack_.end());
  }

  Result<bool> Match(uint32_t pc, size_t position) {
    const size_t base = stack_.size();
    while (true) {
      if (--steps_ < 0 || stack_.size() > kStackMax) {
        return MakeError(Fault::kBadData, "regular expression: it takes too many steps on this text");
      }
      const Regex::Instruction& one = regex_.program_[pc];
      bool good = true;
      switch (one.op) {
        case Op::kMatch:
        case Op::kLookEnd:
          return true;
        case Op::kJump:
          pc = one.target;
          continue;
        case Op::kSplit:
          stack_.push_back({one.target, position});
          break;
        case Op::kSplitLazy:
          stack_.push_back({pc + 1, position});
          pc = one.target;
          continue;
        case Op::kSave:
          Set(one.index, position);
          break;
        case Op::kReset:
          for (uint32_t slot = one.index; slot < one.target; ++slot) {
            if (slots_[slot] != kUnset) Set(slot, kUnset);
          }
          break;
        case Op::kProgress:
          good = slots_[one.index] != position;
          break;
        case Op::kLook: {
          ARROW_ASSIGN_OR_RAISE(good, Look(one, pc, position));
          if (good) {
            pc = one.target;
            continue;
          }
          break;
        }
        default:
          good = Step(one, &position);
      }
      if (good) {
        ++pc;
      } else if (!Backtrack(base, &pc, &position)) {
        return false;
      }
    }
  }

  Result<bool> Look(const Regex::Instruction& look, uint32_t pc, size_t position) {
    const size_t base = stack_.size();
    ARROW_ASSIGN_OR_RAISE(const bool found, Match(pc + 1, position));  // nested as deeply as the pattern at most
    if (found && !look.negated) {
      Commit(base);
      return true;
    }
    uint32_t unused_pc = 0;
    size_t unused_position = 0;
    while (Backtrack(base, &unused_pc, &unused_position)) {
    }
    return found == !look.negated;
  }

  // Instructions that look at the text.
  bool Step(const Regex::Instruction& one, size_t* position) const {
    switch (one.op) {
      case Op::kLineBegin:
        return *position == 0 || (regex_.multiline_ && IsLineEnd(text_[*position - 1]));
      case Op::kLineEnd:
        return *position == text_.size() || (regex_.multiline_ && IsLineEnd(text_[*position]));
      case Op::kWordEdge:
      case Op::kNotWordEdge: {
        const bool before = *position > 0 && IsWord(text_[*position - 1]);
        const bool after = *position < text_.size() && IsWord(text_[*position]);
        return (before != after) == (one.op == Op::kWordEdge);
      }
      case Op::kBackReference:
        return BackReference(one, position);
      default:
        break;
    }
    if (one.back ? *position == 0 : *position >= text_.size()) return false;
    const char32_t code = one.back ? Before(position) : After(position);
    switch (one.op) {
      case Op::kCharacter:
        return one.code == (regex_.ignore_case_ ? Canonical(code, regex_.unicode_) : code);
      case Op::kAny:
        return !IsLineEnd(code);
      case Op::kClass:
        return MatchesClass(regex_.classes_[one.index], code);
      default:
        return true;  // kAll
    }
  }

  bool MatchesClass(const Regex::Class& set, char32_t code) const {
    bool in = InClass(set, code);
    if (!in && regex_.ignore_case_) {
      in = InClass(set, OneLetter(code, jinja::AppendLower)) || InClass(set, OneLetter(code, jinja::AppendUpper));
    }
    return in != set.negated;
  }

  char32_t After(size_t* position) const {
    return regex_.unicode_ ? NextCodePoint(text_, position) : char32_t{text_[(*position)++]};
  }
  char32_t Before(size_t* position) const {
    --*position;
    if (regex_.unicode_ && *position > 0) {
      size_t at = *position - 1;
      const char32_t pair = NextCodePoint(text_, &at);
      if (pair >= 0x10000) {
        --*position;
        return pair;
      }
    }
    return text_[*position];
  }

  bool BackReference(const Regex::Instruction& one, size_t* position) const {
    const size_t begin = slots_[2 * one.index];
    const size_t end = slots_[2 * one.index + 1];
    if (begin == kUnset || end == kUnset) return true;  // a group that took no part matches the empty text
    const size_t length = end - begin;
    if (one.back ? *position < length : text_.size() - *position < length) return false;
    const size_t from = one.back ? *position - length : *position;
    for (size_t i = 0; i < length; ++i) {
      const char16_t a = text_[begin + i];
      const char16_t b = text_[from + i];
      if (a != b && (!regex_.ignore_case_ || Canonical(a, regex_.unicode_) != Canonical(b, regex_.unicode_))) {
        return false;
      }
    }
    *position = one.back ? from : from + length;
    return true;
  }

  const Regex& regex_;
  std::u16string_view text_;
  int64_t& steps_;
  std::vector<size_t> slots_;
  std::vector<Record> stack_;
};

Result<std::optional<Regex::Groups>> Regex::Search(std::u16string_view text, Options options, int64_t* steps) const {
  return RegexMatcher(*this, text, steps).Run(options);
}

}  // namespace firn::expression::javascript
