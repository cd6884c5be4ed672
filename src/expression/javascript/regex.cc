#include "expression/javascript/regex.h"

#include <algorithm>

#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Op = Regex::Instruction::Op;

constexpr size_t kProgramMax = 20'000;  // instructions; counted repeats are written out
constexpr int kNestingMax = 100;
constexpr uint32_t kUnlimited = 0xFFFFFFFF;

Status Wrong(const std::string& what) {
  return MakeError(Fault::kBadData, "regular expression: " + what);
}

bool IsDigit(char32_t code) {
  return code >= '0' && code <= '9';
}

}  // namespace

/// Reads a pattern and writes its instructions. Each construct compiles to the end of the program; a look-behind has
/// its sequences in reverse.
class RegexCompiler {
 public:
  RegexCompiler(std::u16string_view pattern, Regex* regex) : regex_(*regex) {
    for (size_t at = 0; at < pattern.size();) {
      pattern_.push_back(regex->unicode_ ? NextCodePoint(pattern, &at) : char32_t{pattern[at++]});
    }
  }

  Status Run() {
    ARROW_RETURN_NOT_OK(FindGroups());
    regex_.num_slots_ = (regex_.num_groups_ + 1) * 2;
    Emit({.op = Op::kSave, .index = 0});
    ARROW_RETURN_NOT_OK(Alternatives(false));
    if (at_ < pattern_.size()) return Wrong("a ')' that nothing opens");
    Emit({.op = Op::kSave, .index = 1});
    Emit({.op = Op::kMatch});
    return Status::OK();
  }

 private:
  using Instruction = Regex::Instruction;

  bool Has(std::u32string_view text) const { return std::u32string_view(pattern_).substr(at_).starts_with(text); }
  bool Take(std::u32string_view text) {
    if (!Has(text)) return false;
    at_ += text.size();
    return true;
  }
  uint32_t Here() const { return static_cast<uint32_t>(regex_.program_.size()); }
  uint32_t Emit(Instruction instruction) {
    regex_.program_.push_back(instruction);
    return Here() - 1;
  }

  // Back references may point forward, so groups are counted first.
  Status FindGroups() {
    bool in_class = false;
    for (size_t i = 0; i < pattern_.size(); ++i) {
      const char32_t code = pattern_[i];
      if (code == '\\') {
        ++i;
      } else if (in_class) {
        in_class = code != ']';
      } else if (code == '[') {
        in_class = true;
      } else if (code == '(') {
        const auto rest = std::u32string_view(pattern_).substr(i + 1);
        const bool named = rest.starts_with(U"?<") && !rest.starts_with(U"?<=") && !rest.starts_with(U"?<!");
        if (rest.starts_with(U"?") && !named) continue;
        ++regex_.num_groups_;
        if (!named) continue;
        const size_t end = rest.find(U'>');
        if (end == std::u32string_view::npos || end == 2) return Wrong("a group's name is not closed");
        std::u16string name;
        for (const char32_t letter : rest.substr(2, end - 2)) AppendCodePoint(letter, &name);
        if (GroupOf(name) != 0) return Wrong("two groups are named " + ToUtf8(name));
        regex_.names_.emplace_back(std::move(name), regex_.num_groups_);
      }
    }
    return Status::OK();
  }
  size_t GroupOf(std::u16string_view name) const {
    for (const auto& [one, number] : regex_.names_) {
      if (one == name) return number;
    }
    return 0;
  }

  Status Alternatives(bool back) {
    if (++nesting_ > kNestingMax) return Wrong("it is nested too deeply");
    std::vector<uint32_t> jumps;
    while (true) {
      const uint32_t alternative = Here();
      ARROW_RETURN_NOT_OK(Sequence(back));
      if (!Take(U"|")) break;
      Insert(alternative, {.op = Op::kSplit});
      jumps.push_back(Emit({.op = Op::kJump}));
      regex_.program_[alternative].target = Here();
    }
    for (const uint32_t jump : jumps) regex_.program_[jump].target = Here();
    --nesting_;
    return Status::OK();
  }

  // Puts an instruction in front of the code from `at` on, whose targets move with it.
  void Insert(uint32_t at, Instruction instruction) {
    for (uint32_t i = at; i < Here(); ++i) MoveTarget(&regex_.program_[i], at, 1);
    regex_.program_.insert(regex_.program_.begin() + at, instruction);
  }
  static void MoveTarget(Instruction* instruction, uint32_t from, uint32_t by) {
    const bool jumps = instruction->op == Op::kJump || instruction->op == Op::kSplit ||
                       instruction->op == Op::kSplitLazy || instruction->op == Op::kLook;
    if (jumps && instruction->target >= from) instruction->target += by;
  }

  Status Sequence(bool back) {
    const uint32_t begin = Here();
    while (at_ < pattern_.size() && !Has(U"|") && !Has(U")")) {
      const uint32_t term = Here();
      ARROW_RETURN_NOT_OK(Term(back));
      if (Here() > kProgramMax) return Wrong("it is too large");
      if (back) Rotate(begin, term);
    }
    return Status::OK();
  }

  // A look-behind reads from right to left: the term from `middle` on goes before what was there.
  void Rotate(uint32_t begin, uint32_t middle) {
    auto& program = regex_.program_;
    const uint32_t first = middle - begin;
    const uint32_t second = Here() - middle;
    for (uint32_t i = begin; i < middle; ++i) MoveTarget(&program[i], 0, second);
    for (uint32_t i = middle; i < Here(); ++i) MoveTarget(&program[i], 0, 0 - first);
    std::rotate(program.begin() + begin, program.begin() + middle, program.end());
  }

  Status Term(bool back) {
    const uint32_t begin = Here();
    const size_t groups_before = groups_;
    bool repeatable = true;
    ARROW_RETURN_NOT_OK(Atom(back, &repeatable));
    uint32_t low = 1;
    uint32_t high = 1;
    ARROW_ASSIGN_OR_RAISE(const bool repeated, Quantifier(&low, &high));
    if (!repeated) return Status::OK();
    if (!repeatable) return Wrong("nothing to repeat");
    const bool lazy = Take(U"?");
    return Repeat(begin, {low, high}, lazy, groups_before);
  }

  Result<bool> Quantifier(uint32_t* low, uint32_t* high) {
    if (Take(U"*")) {
      *low = 0, *high = kUnlimited;
    } else if (Take(U"+")) {
      *low = 1, *high = kUnlimited;
    } else if (Take(U"?")) {
      *low = 0, *high = 1;
    } else if (Has(U"{")) {
      return Braces(low, high);
    } else {
      return false;
    }
    return true;
  }

  // Without the flag u a '{' that begins no quantifier is a character.
  Result<bool> Braces(uint32_t* low, uint32_t* high) {
    const size_t begin = at_++;
    const auto number = [&](uint32_t* out) {
      const size_t first = at_;
      uint64_t value = 0;
      while (at_ < pattern_.size() && IsDigit(pattern_[at_])) {
        value = std::min<uint64_t>(value * 10 + (pattern_[at_++] - '0'), kUnlimited - 1);
      }
      *out = static_cast<uint32_t>(value);
      return at_ > first;
    };
    bool good = number(low);
    *high = *low;
    if (good && Take(U",") && !number(high)) *high = kUnlimited;
    good = good && Take(U"}");
    if (!good) {
      at_ = begin;
      if (regex_.unicode_) return Wrong("an incomplete quantifier");
      return false;
    }
    if (*low > *high) return Wrong("a quantifier's numbers are out of order");
    return true;
  }

  // `begin`: where the code of the atom starts; it is written as often as the numbers want it.
  Status Repeat(uint32_t begin, std::pair<uint32_t, uint32_t> times, bool lazy, size_t groups_before) {
    auto& program = regex_.program_;
    std::vector<Instruction> body(program.begin() + begin, program.end());
    program.resize(begin);
    if (groups_ > groups_before) {  // each round begins with its groups unset
      for (Instruction& one : body) MoveTarget(&one, begin, 1);
      body.insert(body.begin(), {.op = Op::kReset,
                                 .index = static_cast<uint32_t>(2 * groups_before + 2),
                                 .target = static_cast<uint32_t>(2 * groups_ + 2)});
    }
    const auto [low, high] = times;
    const uint64_t copies = uint64_t{low} + (high == kUnlimited ? 1 : high - low);
    if ((body.size() + 4) * copies > kProgramMax) return Wrong("it is too large");
    const auto write = [&] {
      const uint32_t by = Here() - begin;
      for (Instruction one : body) {
        MoveTarget(&one, 0, by);
        program.push_back(one);
      }
    };
    for (uint32_t i = 0; i < low; ++i) write();
    // A body that always reads a character needs no guard against rounds that read nothing.
    const bool reads = body.size() == 1 && (body[0].op == Op::kCharacter || body[0].op == Op::kClass ||
                                            body[0].op == Op::kAny || body[0].op == Op::kAll);
    const Op split = lazy ? Op::kSplitLazy : Op::kSplit;
    const auto slot = static_cast<uint32_t>(regex_.num_slots_++);
    const auto guarded = [&] {
      if (!reads) Emit({.op = Op::kSave, .index = slot});
      write();
      if (!reads) Emit({.op = Op::kProgress, .index = slot});
    };
    if (high == kUnlimited) {
      const uint32_t loop = Emit({.op = split});
      guarded();
      Emit({.op = Op::kJump, .target = loop});
      program[loop].target = Here();
      return Status::OK();
    }
    std::vector<uint32_t> splits;
    for (uint32_t i = low; i < high; ++i) {
      splits.push_back(Emit({.op = split}));
      guarded();
    }
    for (const uint32_t one : splits) program[one].target = Here();
    return Status::OK();
  }

  Status Atom(bool back, bool* repeatable) {
    const char32_t code = pattern_[at_];
    switch (code) {
      case '^':
      case '$':
        ++at_;
        *repeatable = false;
        Emit({.op = code == '^' ? Op::kLineBegin : Op::kLineEnd});
        return Status::OK();
      case '(':
        return Group(back, repeatable);
      case '.':
        ++at_;
        Emit({.op = regex_.dot_all_ ? Op::kAll : Op::kAny, .back = back});
        return Status::OK();
      case '[':
        return CharacterClass(back);
      case '\\':
        return Escape(back, repeatable);
      case '*':
      case '+':
      case '?':
        return Wrong("nothing to repeat");
      case '{': {
        uint32_t low = 0;
        uint32_t high = 0;
        ARROW_ASSIGN_OR_RAISE(const bool quantifier, Braces(&low, &high));
        if (quantifier) return Wrong("nothing to repeat");
        break;
      }
      case '}':
      case ']':
        if (regex_.unicode_) return Wrong("a bracket that nothing opens");
        break;
      default:
        break;
    }
    ++at_;
    Character(code, back);
    return Status::OK();
  }

  void Character(char32_t code, bool back) {
    Emit({.op = Op::kCharacter, .back = back, .code = regex_.ignore_case_ ? Canonical(code, regex_.unicode_) : code});
  }

  Status Group(bool back, bool* repeatable) {
    if (Take(U"(?=") || Take(U"(?!") || Take(U"(?<=") || Take(U"(?<!")) {
      const bool negated = pattern_[at_ - 1] == '!';
      const bool behind = pattern_[at_ - 2] == '<';
      *repeatable = !behind && !regex_.unicode_;
      const uint32_t look = Emit({.op = Op::kLook, .negated = negated});
      ARROW_RETURN_NOT_OK(Alternatives(behind));
      Emit({.op = Op::kLookEnd});
      regex_.program_[look].target = Here();
    } else if (Take(U"(?:")) {
      ARROW_RETURN_NOT_OK(Alternatives(back));
    } else if (Has(U"(?") && !Has(U"(?<")) {
      return Wrong("an unknown kind of group");
    } else {
      if (Take(U"(?<")) {
        while (pattern_[at_] != '>') ++at_;
      }
      ++at_;
      const auto slot = static_cast<uint32_t>(2 * ++groups_);
      Emit({.op = Op::kSave, .index = slot + (back ? 1 : 0)});
      ARROW_RETURN_NOT_OK(Alternatives(back));
      Emit({.op = Op::kSave, .index = slot + (back ? 0 : 1)});
    }
    return Take(U")") ? Status::OK() : Wrong("a group is not closed");
  }

  Status Escape(bool back, bool* repeatable) {
    if (at_ + 1 >= pattern_.size()) return Wrong("a '\\' at the end");
    const char32_t code = pattern_[at_ + 1];
    if (code == 'b' || code == 'B') {
      at_ += 2;
      *repeatable = false;
      Emit({.op = code == 'b' ? Op::kWordEdge : Op::kNotWordEdge});
      return Status::OK();
    }
    if (code == 'k' && (regex_.unicode_ || !regex_.names_.empty())) return NamedReference(back);
    if (code >= '1' && code <= '9') {
      size_t end = at_ + 1;
      size_t number = 0;
      while (end < pattern_.size() && IsDigit(pattern_[end]) && number <= regex_.num_groups_) {
        number = number * 10 + (pattern_[end++] - '0');
      }
      if (number <= regex_.num_groups_) {
        at_ = end;
        Emit({.op = Op::kBackReference, .back = back, .index = static_cast<uint32_t>(number)});
        return Status::OK();
      }
      return Wrong("a reference to a group that is not there");
    }
    Regex::Class set;
    ARROW_ASSIGN_OR_RAISE(const bool is_class, ClassEscape(&set));
    if (is_class) {
      EmitClass(std::move(set), back);
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(const char32_t character, CharacterEscape(false));
    Character(character, back);
    return Status::OK();
  }

  Status NamedReference(bool back) {
    const auto rest = std::u32string_view(pattern_).substr(at_ + 2);
    const size_t end = rest.find(U'>');
    if (!rest.starts_with(U"<") || end == std::u32string_view::npos) return Wrong("\\k wants <name>");
    std::u16string name;
    for (const char32_t letter : rest.substr(1, end - 1)) AppendCodePoint(letter, &name);
    const size_t number = GroupOf(name);
    if (number == 0) return Wrong("no group is named " + ToUtf8(name));
    at_ += 2 + end + 1;
    Emit({.op = Op::kBackReference, .back = back, .index = static_cast<uint32_t>(number)});
    return Status::OK();
  }

  void EmitClass(Regex::Class set, bool back) {
    regex_.classes_.push_back(std::move(set));
    Emit({.op = Op::kClass, .back = back, .index = static_cast<uint32_t>(regex_.classes_.size() - 1)});
  }

  // \d \w \s \p and their opposites, at a '\'.
  Result<bool> ClassEscape(Regex::Class* set) {
    const char32_t code = pattern_[at_ + 1];
    Regex::Class own;
    switch (code | 0x20) {
      case 'd':
        own.ranges = {{'0', '9'}};
        break;
      case 'w':
        own.ranges = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
        break;
      case 's':
        own.ranges = {{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                      {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
        break;
      case 'p': {
        if (!regex_.unicode_) return false;
        ARROW_ASSIGN_OR_RAISE(const char property, Property());
        set->properties.emplace_back(property, code == 'P');
        return true;
      }
      default:
        return false;
    }
    if (code > 'Z') {  // lower case letters; capitals mean the opposite
      set->ranges.insert(set->ranges.end(), own.ranges.begin(), own.ranges.end());
    } else {
      char32_t next = 0;
      for (const auto& [low, high] : own.ranges) {
        if (low > next) set->ranges.emplace_back(next, low - 1);
        next = high + 1;
      }
      set->ranges.emplace_back(next, 0x10FFFF);
    }
    at_ += 2;
    return true;
  }

  Result<char> Property() {
    const auto rest = std::u32string_view(pattern_).substr(at_ + 2);
    const size_t end = rest.find(U'}');
    if (!rest.starts_with(U"{") || end == std::u32string_view::npos) return Wrong("\\p wants {property}");
    const std::string name(rest.begin() + 1, rest.begin() + static_cast<std::ptrdiff_t>(end));
    at_ += 2 + end + 1;
    if (name == "L" || name == "Letter") return 'L';
    if (name == "Lu" || name == "Uppercase_Letter") return 'U';
    if (name == "Ll" || name == "Lowercase_Letter") return 'l';
    if (name == "Nd" || name == "Decimal_Number") return 'N';
    return Wrong("\\p{" + name + "} is not supported; L, Lu, Ll and Nd are");
  }

  Status CharacterClass(bool back) {
    Regex::Class set;
    ++at_;
    set.negated = Take(U"^");
    while (!Take(U"]")) {
      if (at_ >= pattern_.size()) return Wrong("a '[' is not closed");
      ARROW_ASSIGN_OR_RAISE(const auto low, ClassAtom(&set));
      if (!Has(U"-") || at_ + 1 >= pattern_.size() || pattern_[at_ + 1] == ']') {
        if (low) set.ranges.emplace_back(*low, *low);
        continue;
      }
      ++at_;
      ARROW_ASSIGN_OR_RAISE(const auto high, ClassAtom(&set));
      if (low && high) {
        if (*low > *high) return Wrong("a range is out of order");
        set.ranges.emplace_back(*low, *high);
        continue;
      }
      if (regex_.unicode_) return Wrong("a class cannot begin or end a range");
      if (low) set.ranges.emplace_back(*low, *low);
      if (high) set.ranges.emplace_back(*high, *high);
      set.ranges.emplace_back('-', '-');
    }
    EmitClass(std::move(set), back);
    return Status::OK();
  }

  // One character of a class, or nullopt when a whole class such as \d was added.
  Result<std::optional<char32_t>> ClassAtom(Regex::Class* set) {
    if (at_ >= pattern_.size()) return Wrong("a '[' is not closed");
    if (pattern_[at_] != '\\') return std::optional(pattern_[at_++]);
    if (at_ + 1 >= pattern_.size()) return Wrong("a '\\' at the end");
    ARROW_ASSIGN_OR_RAISE(const bool is_class, ClassEscape(set));
    if (is_class) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(const char32_t code, CharacterEscape(true));
    return std::optional(code);
  }

  Result<char32_t> CharacterEscape(bool in_class) {
    const char32_t code = pattern_[at_ + 1];
    at_ += 2;
    switch (code) {
      case 'n':
        return U'\n';
      case 't':
        return U'\t';
      case 'r':
        return U'\r';
      case 'f':
        return U'\f';
      case 'v':
        return U'\v';
      case 'b':
        if (in_class) return U'\b';
        break;
      case '0':
        if (at_ < pattern_.size() && IsDigit(pattern_[at_])) return Wrong("octal escapes are not supported");
        return U'\0';
      case 'c': {
        const char32_t letter = at_ < pattern_.size() ? pattern_[at_] | 0x20 : 0;
        if (letter < 'a' || letter > 'z') return Wrong("an unknown escape");
        return pattern_[at_++] % 32;
      }
      case 'x':
        return Hex(2, code);
      case 'u':
        return UnicodeEscape();
      default:
        break;
    }
    const bool letter = (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') || IsDigit(code);
    if (letter && regex_.unicode_) return Wrong("an unknown escape");
    return code;
  }

  // `count` digits, or the letter itself when they are not there.
  Result<char32_t> Hex(size_t count, char32_t otherwise) {
    char32_t value = 0;
    for (size_t i = at_; i < at_ + count; ++i) {
      const char32_t unit = i < pattern_.size() ? pattern_[i] : 0;
      const char32_t lower = unit | 0x20;
      if (!IsDigit(unit) && (lower < 'a' || lower > 'f')) {
        if (regex_.unicode_) return Wrong("an invalid escape");
        return otherwise;
      }
      value = value * 16 + (IsDigit(unit) ? unit - '0' : lower - 'a' + 10);
    }
    at_ += count;
    return value;
  }

  Result<char32_t> UnicodeEscape() {
    if (!regex_.unicode_ || !Take(U"{")) {
      ARROW_ASSIGN_OR_RAISE(const char32_t high, Hex(4, 'u'));
      if (!regex_.unicode_ || high < 0xD800 || high >= 0xDC00 || !Has(U"\\u")) return high;
      const size_t before = at_;
      at_ += 2;
      ARROW_ASSIGN_OR_RAISE(const char32_t low, Hex(4, 'u'));
      if (low >= 0xDC00 && low < 0xE000) return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
      at_ = before;
      return high;
    }
    const size_t end = pattern_.find(U'}', at_);
    if (end == std::u32string::npos || end == at_ || end - at_ > 6) return Wrong("an invalid escape");
    ARROW_ASSIGN_OR_RAISE(const char32_t code, Hex(end - at_, 'u'));
    ++at_;
    if (code > 0x10FFFF) return Wrong("an invalid escape");
    return code;
  }

  Regex& regex_;
  std::u32string pattern_;
  size_t at_ = 0;
  size_t groups_ = 0;  // begun so far
  int nesting_ = 0;
};

Result<Regex> Regex::Compile(std::u16string_view pattern, std::string_view flags) {
  Regex regex;
  const auto has = [&](char flag) { return flags.find(flag) != std::string_view::npos; };
  regex.ignore_case_ = has('i');
  regex.multiline_ = has('m');
  regex.dot_all_ = has('s');
  regex.unicode_ = has('u');
  ARROW_RETURN_NOT_OK(RegexCompiler(pattern, &regex).Run());
  return regex;
}

}  // namespace firn::expression::javascript
