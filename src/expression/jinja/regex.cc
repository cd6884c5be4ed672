#include "expression/jinja/regex.h"

#include <algorithm>
#include <functional>

#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {

constexpr int64_t kStepsMax = 1'000'000;
constexpr int kDepthMax = 4'000;  // of the matcher's recursion
constexpr int kNestingMax = 100;
constexpr size_t kRepeatMax = 1'000;

struct Regex::Node {
  enum class Kind {
    kCharacter,  // code
    kAny,        // .
    kClass,      // ranges, classes, negated
    kGroup,      // children[0]; number (0: not captured)
    kSequence,
    kAlternatives,
    kRepeat,  // children[0]; low, high, lazy
    kBegin,   // ^
    kEnd,     // $
    kTextBegin,
    kTextEnd,
    kWordEdge,  // negated: \B
    kLook,      // children[0]; negated, behind
    kBackReference,
  };
  Kind kind = Kind::kSequence;
  char32_t code = 0;
  bool negated = false;
  bool lazy = false;
  bool behind = false;
  size_t number = 0;
  size_t low = 0;
  size_t high = SIZE_MAX;
  std::vector<std::pair<char32_t, char32_t>> ranges;
  std::string classes;  // of 'd' 'D' 'w' 'W' 's' 'S'
  std::vector<int32_t> children;
  bool multiline = false, dot_all = false;
};

Regex::Regex() = default;
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

namespace {

Status Wrong(const std::string& what) {
  return MakeError(Fault::kBadData, "regular expression: " + what);
}

bool InClass(char letter, char32_t code) {
  switch (letter) {
    case 'd':
      return IsDecimal(code);
    case 'D':
      return !IsDecimal(code);
    case 'w':
      return IsAlphanumeric(code) || code == '_';
    case 'W':
      return !IsAlphanumeric(code) && code != '_';
    case 's':
      return IsWhitespace(code);
    default:
      return !IsWhitespace(code);
  }
}

char32_t Lower(char32_t code) {
  std::string out;
  AppendLower(code, &out);
  return Decode(out)[0];
}
char32_t Upper(char32_t code) {
  std::string out;
  AppendUpper(code, &out);
  return Decode(out)[0];
}

}  // namespace

class RegexParser {
 public:
  RegexParser(std::string_view pattern, Regex* regex) : pattern_(Decode(pattern)), regex_(regex) {}

  Status Parse() {
    ARROW_RETURN_NOT_OK(Flags());
    ARROW_ASSIGN_OR_RAISE(regex_->root_, Alternatives());
    if (at_ != pattern_.size()) return Wrong("unbalanced parenthesis");
    regex_->num_groups_ = num_groups_;
    return Status::OK();
  }

 private:
  using Node = Regex::Node;

  bool More() const { return at_ < pattern_.size(); }
  bool Take(char32_t code) {
    if (!More() || pattern_[at_] != code) return false;
    ++at_;
    return true;
  }
  bool TakeText(std::u32string_view text) {
    if (pattern_.compare(at_, text.size(), text) != 0) return false;
    at_ += text.size();
    return true;
  }
  int32_t Add(Node node) {
    node.multiline = multiline_;
    node.dot_all = dot_all_;
    regex_->nodes_.push_back(std::move(node));
    return static_cast<int32_t>(regex_->nodes_.size() - 1);
  }

  // (?ims) at the very start.
  Status Flags() {
    while (pattern_.compare(at_, 2, U"(?") == 0) {
      size_t end = at_ + 2;
      while (end < pattern_.size() && std::u32string_view(U"imsux").find(pattern_[end]) != std::u32string_view::npos)
        ++end;
      if (end == at_ + 2 || end >= pattern_.size() || pattern_[end] != ')') return Status::OK();
      for (size_t i = at_ + 2; i < end; ++i) {
        if (pattern_[i] == 'x') return Wrong("the verbose flag is not supported");
        regex_->ignore_case_ = regex_->ignore_case_ || pattern_[i] == 'i';
        multiline_ = multiline_ || pattern_[i] == 'm';
        dot_all_ = dot_all_ || pattern_[i] == 's';
      }
      at_ = end + 1;
    }
    return Status::OK();
  }

  Result<int32_t> Alternatives() {
    if (++nesting_ > kNestingMax) return Wrong("nested too deeply");
    std::vector<int32_t> children;
    do {
      ARROW_ASSIGN_OR_RAISE(const int32_t child, Sequence());
      children.push_back(child);
    } while (Take('|'));
    --nesting_;
    if (children.size() == 1) return children[0];
    return Add({.kind = Node::Kind::kAlternatives, .children = std::move(children)});
  }

  Result<int32_t> Sequence() {
    std::vector<int32_t> children;
    while (More() && pattern_[at_] != '|' && pattern_[at_] != ')') {
      ARROW_ASSIGN_OR_RAISE(const int32_t atom, Atom());
      ARROW_ASSIGN_OR_RAISE(const int32_t repeated, Repeat(atom));
      children.push_back(repeated);
    }
    return Add({.kind = Node::Kind::kSequence, .children = std::move(children)});
  }

  std::optional<size_t> Number() {
    size_t value = 0;
    const size_t begin = at_;
    while (More() && pattern_[at_] >= '0' && pattern_[at_] <= '9' && value < 1'000'000)
      value = value * 10 + (pattern_[at_++] - '0');
    return at_ == begin ? std::nullopt : std::optional(value);
  }

  Result<int32_t> Repeat(int32_t atom) {
    while (More()) {
      Node node{.kind = Node::Kind::kRepeat, .children = {atom}};
      if (Take('*')) {
        node.low = 0;
      } else if (Take('+')) {
        node.low = 1;
      } else if (Take('?')) {
        node.high = 1;
      } else if (pattern_[at_] == '{') {
        const size_t back = at_++;
        const auto low = Number();
        const bool comma = Take(',');
        const auto high = comma ? Number() : low;
        if (!Take('}') || (!low && !high)) {
          at_ = back;
          return atom;
        }
        node.low = low.value_or(0);
        node.high = comma ? high.value_or(SIZE_MAX) : *low;
        if (node.low > kRepeatMax || node.high < node.low) return Wrong("bad repeat interval");
      } else {
        return atom;
      }
      if (regex_->nodes_[static_cast<size_t>(atom)].kind == Node::Kind::kRepeat) return Wrong("multiple repeat");
      node.lazy = Take('?');
      if (Take('+')) return Wrong("possessive repeats are not supported");
      atom = Add(std::move(node));
    }
    return atom;
  }

  Result<int32_t> Atom() {
    const char32_t code = pattern_[at_++];
    switch (code) {
      case '(':
        return Group();
      case '[':
        return Class();
      case '.':
        return Add({.kind = Node::Kind::kAny});
      case '^':
        return Add({.kind = Node::Kind::kBegin});
      case '$':
        return Add({.kind = Node::Kind::kEnd});
      case '\\':
        return Escape();
      case '*':
      case '+':
      case '?':
        return Wrong("nothing to repeat");
      default:
        return Add({.kind = Node::Kind::kCharacter, .code = code});
    }
  }

  Result<int32_t> Group() {
    Node node{.kind = Node::Kind::kGroup};
    if (TakeText(U"?:")) {
    } else if (TakeText(U"?P<")) {
      std::string name;
      while (More() && pattern_[at_] != '>') AppendCodePoint(pattern_[at_++], &name);
      if (!Take('>')) return Wrong("missing >");
      node.number = ++num_groups_;
      regex_->names_.emplace_back(name, node.number);
    } else if (TakeText(U"?P=")) {
      std::string name;
      while (More() && pattern_[at_] != ')') AppendCodePoint(pattern_[at_++], &name);
      if (!Take(')') || regex_->GroupOf(name) == 0) return Wrong("unknown group name");
      return Add({.kind = Node::Kind::kBackReference, .number = regex_->GroupOf(name)});
    } else if (TakeText(U"?<=") || TakeText(U"?<!") || TakeText(U"?=") || TakeText(U"?!")) {
      node.kind = Node::Kind::kLook;
      node.negated = pattern_[at_ - 1] == '!';
      node.behind = pattern_[at_ - 2] == '<';
    } else if (More() && pattern_[at_] == '?') {
      return Wrong("this kind of group is not supported");
    } else {
      node.number = ++num_groups_;
    }
    ARROW_ASSIGN_OR_RAISE(const int32_t inner, Alternatives());
    if (!Take(')')) return Wrong("missing )");
    node.children = {inner};
    if (node.behind) {
      const auto width = Width(inner);
      if (!width) return Wrong("look-behind requires fixed-width pattern");
      node.low = *width;
    }
    return Add(std::move(node));
  }

  std::optional<size_t> Width(int32_t index) const {
    const Node& node = regex_->nodes_[static_cast<size_t>(index)];
    switch (node.kind) {
      case Node::Kind::kCharacter:
      case Node::Kind::kAny:
      case Node::Kind::kClass:
        return 1;
      case Node::Kind::kGroup:
        return Width(node.children[0]);
      case Node::Kind::kRepeat: {
        const auto width = Width(node.children[0]);
        return width && node.low == node.high ? std::optional(*width * node.low) : std::nullopt;
      }
      case Node::Kind::kBackReference:
        return std::nullopt;
      case Node::Kind::kAlternatives:
      case Node::Kind::kSequence: {
        std::optional<size_t> total;
        for (const int32_t child : node.children) {
          const auto width = Width(child);
          if (!width) return std::nullopt;
          if (node.kind == Node::Kind::kAlternatives && total && *total != *width) return std::nullopt;
          total = node.kind == Node::Kind::kAlternatives ? *width : total.value_or(0) + *width;
        }
        return total.value_or(0);
      }
      default:
        return 0;
    }
  }

  std::optional<char32_t> Hex(size_t width) {
    char32_t code = 0;
    for (size_t i = 0; i < width; ++i) {
      if (!More() || pattern_[at_] >= 0x80) return std::nullopt;
      const auto c = static_cast<char>(pattern_[at_++]);
      const size_t digit =
          std::string_view("0123456789abcdef").find(static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c));
      if (digit == std::string_view::npos) return std::nullopt;
      code = code * 16 + static_cast<char32_t>(digit);
    }
    return code;
  }

  // A character after a backslash, the same inside and outside of classes.
  std::optional<char32_t> EscapedCharacter(char32_t code) {
    constexpr std::u32string_view kFrom = U"nrtfva";
    constexpr std::u32string_view kTo = U"\n\r\t\f\v\a";
    if (const size_t known = kFrom.find(code); known != std::u32string_view::npos) return kTo[known];
    if (code == 'x') return Hex(2);
    if (code == 'u') return Hex(4);
    if (code == '0') return char32_t{0};
    if (code < 0x80 && IsAlphanumeric(code)) return std::nullopt;
    return code;
  }

  Result<int32_t> Escape() {
    if (!More()) return Wrong("bad escape at the end");
    const char32_t code = pattern_[at_++];
    if (std::u32string_view(U"dDwWsS").find(code) != std::u32string_view::npos) {
      return Add({.kind = Node::Kind::kClass, .classes = std::string(1, static_cast<char>(code))});
    }
    if (code == 'A') return Add({.kind = Node::Kind::kTextBegin});
    if (code == 'Z') return Add({.kind = Node::Kind::kTextEnd});
    if (code == 'b' || code == 'B') return Add({.kind = Node::Kind::kWordEdge, .negated = code == 'B'});
    if (code >= '1' && code <= '9') {
      const size_t number = code - '0';
      if (number > num_groups_) return Wrong("invalid group reference");
      return Add({.kind = Node::Kind::kBackReference, .number = number});
    }
    const auto character = EscapedCharacter(code);
    if (!character) return Wrong("bad escape");
    return Add({.kind = Node::Kind::kCharacter, .code = *character});
  }

  Result<int32_t> Class() {
    Node node{.kind = Node::Kind::kClass};
    node.negated = Take('^');
    bool first = true;
    while (true) {
      if (!More()) return Wrong("unterminated character set");
      if (pattern_[at_] == ']' && !first) break;
      first = false;
      ARROW_ASSIGN_OR_RAISE(const auto low, ClassItem(&node));
      if (!low) continue;
      if (at_ + 1 < pattern_.size() && pattern_[at_] == '-' && pattern_[at_ + 1] != ']') {
        ++at_;
        ARROW_ASSIGN_OR_RAISE(const auto high, ClassItem(&node));
        if (!high || *high < *low) return Wrong("bad character range");
        node.ranges.emplace_back(*low, *high);
      } else {
        node.ranges.emplace_back(*low, *low);
      }
    }
    ++at_;
    return Add(std::move(node));
  }

  // A character, or nullopt for a class such as \d.
  Result<std::optional<char32_t>> ClassItem(Node* node) {
    const char32_t code = pattern_[at_++];
    if (code != '\\') return std::optional(code);
    if (!More()) return Wrong("bad escape at the end");
    const char32_t escaped = pattern_[at_++];
    if (std::u32string_view(U"dDwWsS").find(escaped) != std::u32string_view::npos) {
      node->classes.push_back(static_cast<char>(escaped));
      return std::optional<char32_t>();
    }
    if (escaped == 'b') return std::optional<char32_t>('\b');
    const auto character = EscapedCharacter(escaped);
    if (!character) return Wrong("bad escape");
    return character;
  }

  std::u32string pattern_;
  Regex* regex_;
  size_t at_ = 0;
  size_t num_groups_ = 0;
  int nesting_ = 0;
  bool multiline_ = false;
  bool dot_all_ = false;
};

// Matches by continuations: each node gets what must match after it.
class RegexMatcher {
 public:
  using Next = std::function<bool(size_t)>;

  RegexMatcher(const Regex& regex, std::u32string_view text)
      : regex_(regex), text_(text), groups_(regex.num_groups_ + 1) {}

  bool MatchAt(size_t begin) {
    std::fill(groups_.begin(), groups_.end(), std::nullopt);
    return Match(regex_.root_, begin, [&](size_t end) {
      groups_[0] = {begin, end};
      return true;
    });
  }
  bool exhausted() const { return exhausted_; }
  const Regex::Groups& groups() const { return groups_; }

 private:
  using Node = Regex::Node;

  struct Deeper {
    explicit Deeper(int* depth) : depth_(depth) { ++*depth_; }
    ~Deeper() { --*depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    int* depth_;
  };

  bool Fits(const Node& node, char32_t code) const {
    if (node.kind == Node::Kind::kAny) return node.dot_all || code != '\n';
    if (node.kind == Node::Kind::kCharacter) {
      return code == node.code || (regex_.ignore_case_ && Lower(code) == Lower(node.code));
    }
    const auto in = [&](char32_t one) {
      return std::any_of(node.ranges.begin(), node.ranges.end(),
                         [&](const auto& range) { return one >= range.first && one <= range.second; }) ||
             std::any_of(node.classes.begin(), node.classes.end(), [&](char letter) { return InClass(letter, one); });
    };
    const bool found = in(code) || (regex_.ignore_case_ && (in(Lower(code)) || in(Upper(code))));
    return found != node.negated;
  }

  bool WordAt(size_t at) const { return at < text_.size() && InClass('w', text_[at]); }

  bool Edge(const Node& node, size_t at) const {
    switch (node.kind) {
      case Node::Kind::kBegin:
        return at == 0 || (node.multiline && text_[at - 1] == '\n');
      case Node::Kind::kEnd:
        return at == text_.size() || (at + 1 == text_.size() && text_[at] == '\n') ||
               (node.multiline && text_[at] == '\n');
      case Node::Kind::kTextBegin:
        return at == 0;
      case Node::Kind::kTextEnd:
        return at == text_.size();
      default:
        return ((at > 0 && WordAt(at - 1)) != WordAt(at)) != node.negated;
    }
  }

  bool Match(int32_t index, size_t at, const Next& next) {
    const Deeper deeper(&depth_);
    if (++steps_ > kStepsMax || depth_ > kDepthMax) exhausted_ = true;
    if (exhausted_) return false;
    const Node& node = regex_.nodes_[static_cast<size_t>(index)];
    switch (node.kind) {
      case Node::Kind::kCharacter:
      case Node::Kind::kAny:
      case Node::Kind::kClass:
        return at < text_.size() && Fits(node, text_[at]) && next(at + 1);
      case Node::Kind::kSequence:
        return Sequence(node, 0, at, next);
      case Node::Kind::kAlternatives:
        return std::any_of(node.children.begin(), node.children.end(),
                           [&](int32_t child) { return Match(child, at, next); });
      case Node::Kind::kGroup: {
        if (node.number == 0) return Match(node.children[0], at, next);
        const auto before = groups_[node.number];
        const bool matched = Match(node.children[0], at, [&](size_t end) {
          const auto inner = groups_[node.number];
          groups_[node.number] = {at, end};
          if (next(end)) return true;
          groups_[node.number] = inner;
          return false;
        });
        if (!matched) groups_[node.number] = before;
        return matched;
      }
      case Node::Kind::kRepeat:
        return Repeat(node, 0, at, SIZE_MAX, next);
      case Node::Kind::kLook:
        return Look(node, at) && next(at);
      case Node::Kind::kBackReference: {
        const auto& group = groups_[node.number];
        if (!group) return false;
        const std::u32string_view wanted = text_.substr(group->first, group->second - group->first);
        return text_.substr(at, wanted.size()) == wanted && next(at + wanted.size());
      }
      default:
        return Edge(node, at) && next(at);
    }
  }

  bool Sequence(const Node& node, size_t child, size_t at, const Next& next) {
    if (child == node.children.size()) return next(at);
    return Match(node.children[child], at, [&, child](size_t end) { return Sequence(node, child + 1, end, next); });
  }

  bool Single(const Node& node) const {
    return node.kind == Node::Kind::kCharacter || node.kind == Node::Kind::kAny || node.kind == Node::Kind::kClass;
  }

  bool Repeat(const Node& node, size_t count, size_t at, size_t last, const Next& next) {
    const Node& inner = regex_.nodes_[static_cast<size_t>(node.children[0])];
    if (Single(inner)) return RepeatSingle(node, inner, at, next);
    if (count >= node.low && at == last) return next(at);  // an empty round changes nothing
    const auto more = [&] {
      return count < node.high &&
             Match(node.children[0], at, [&, count](size_t end) { return Repeat(node, count + 1, end, at, next); });
    };
    if (count < node.low) return more();
    return node.lazy ? next(at) || more() : more() || next(at);
  }

  // Without recursion per character.
  bool RepeatSingle(const Node& node, const Node& inner, size_t at, const Next& next) {
    size_t count = 0;
    const auto step = [&] { return at + count < text_.size() && count < node.high && Fits(inner, text_[at + count]); };
    if (node.lazy) {
      while (true) {
        if (count >= node.low && next(at + count)) return true;
        if (exhausted_ || ++steps_ > kStepsMax || !step()) return false;
        ++count;
      }
    }
    while (step()) ++count;
    steps_ += static_cast<int64_t>(count);
    for (; count >= node.low; --count) {
      if (next(at + count)) return true;
      if (count == 0 || exhausted_) return false;
    }
    return false;
  }

  bool Look(const Node& node, size_t at) {
    const auto kept = groups_;
    bool found = false;
    if (!node.behind) {
      found = Match(node.children[0], at, [](size_t) { return true; });
    } else if (at >= node.low) {
      found = Match(node.children[0], at - node.low, [&](size_t end) { return end == at; });
    }
    if (node.negated || !found) groups_ = kept;
    return found != node.negated;
  }

  const Regex& regex_;
  std::u32string_view text_;
  Regex::Groups groups_;
  int64_t steps_ = 0;
  int depth_ = 0;
  bool exhausted_ = false;
};

Result<Regex> Regex::Compile(std::string_view pattern) {
  Regex regex;
  ARROW_RETURN_NOT_OK(RegexParser(pattern, &regex).Parse());
  return regex;
}

Result<std::optional<Regex::Groups>> Regex::Search(std::u32string_view text, size_t from) const {
  RegexMatcher matcher(*this, text);
  for (size_t at = from; at <= text.size(); ++at) {
    if (matcher.MatchAt(at)) return std::optional(matcher.groups());
    if (matcher.exhausted()) return Wrong("the match takes too many steps");
  }
  return std::optional<Groups>();
}

size_t Regex::GroupOf(std::string_view name) const {
  const auto found = std::find_if(names_.begin(), names_.end(), [&](const auto& entry) { return entry.first == name; });
  return found == names_.end() ? 0 : found->second;
}

}  // namespace firn::expression::jinja
