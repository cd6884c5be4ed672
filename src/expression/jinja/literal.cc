// ast.literal_eval: the Python expressions that are literals. Anything else is text for our callers, whatever the
// error.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "expression/jinja/number.h"
#include "expression/jinja/object.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

constexpr int kDepthMax = 100;  // Python's parser gives up at 200 brackets; nothing sensible comes near

bool IsDigitChar(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return IsDigitChar(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  std::optional<Value> Read() {
    // Only blanks may stand before the first token, and line ends around the whole.
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      if (text_[at_] == '\n' && at_ + 1 < text_.size() && (text_[at_ + 1] == ' ' || text_[at_ + 1] == '\t')) {
        // An indented line after a line end is an indentation error, unless it is blank.
        const size_t next = text_.find_first_not_of(" \t\n", at_);
        if (next == std::string_view::npos || text_[next - 1] != '\n') return std::nullopt;
        at_ = next;
        break;
      }
      ++at_;
    }
    auto value = TupleOrOne();
    if (!value) return std::nullopt;
    Blank(true);
    return at_ == text_.size() ? value : std::nullopt;
  }

 private:
  // Skips blanks and comments; inside brackets, and at the end of all, line ends too.
  void Blank(bool lines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '\\' && text_.substr(at_ + 1, 1) == "\n") {
        at_ += 2;
      } else if (c == ' ' || c == '\t' || c == '\f' || ((lines || depth_ > 0) && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  bool Take(char c) {
    Blank(false);
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::optional<Value> TupleOrOne() {
    auto first = One();
    if (!first || !Take(',')) return first;
    List items = {std::move(*first)};
    while (true) {
      Blank(false);
      if (at_ >= text_.size() || text_[at_] == ')' || text_[at_] == '\n' || text_[at_] == '\r') break;
      auto item = One();
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
      if (!Take(',')) break;
    }
    return Value::OfTuple(std::move(items));
  }

  std::optional<Value> One() {
    Blank(false);
    if (at_ >= text_.size()) return std::nullopt;
    const char c = text_[at_];
    if (c == '+' || c == '-') return Signed();
    if (IsDigitChar(c) || (c == '.' && at_ + 1 < text_.size() && IsDigitChar(text_[at_ + 1]))) return NumberLiteral();
    if (c == '.') return Dots();
    if (c == '\'' || c == '"') return Strings();
    if (c == '(' || c == '[' || c == '{') return Bracketed(c);
    if (IsWord(c)) return Name();
    return std::nullopt;
  }

  // One sign before a number, as literal_eval takes it.
  std::optional<Value> Signed() {
    const bool negative = text_[at_++] == '-';
    Blank(false);
    if (at_ < text_.size() && text_[at_] == '(') {
      // A sign before brackets: only around a bare number.
      ++at_;
      ++depth_;
      Blank(false);
      auto inner = Signed(negative);
      Blank(false);
      --depth_;
      if (!inner || !Take(')')) return std::nullopt;
      return inner;
    }
    return Signed(negative);
  }

  std::optional<Value> Signed(bool negative) {
    if (at_ >= text_.size() || (!IsDigitChar(text_[at_]) && text_[at_] != '.')) return std::nullopt;
    auto number = NumberLiteral();
    if (number && negative) return Negate(*number);
    return number;
  }

  std::optional<Value> Dots() {
    if (text_.substr(at_, 3) != "...") return std::nullopt;
    at_ += 3;
    return Value::Ellipsis();
  }

  // The digits of one part: single underscores between them.
  bool Digits(std::string_view allowed, std::string* out) {
    const size_t begin = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '_') {
        if (at_ == begin || at_ + 1 >= text_.size() || allowed.find(text_[at_ + 1]) == std::string_view::npos)
          return false;
      } else if (allowed.find(c) == std::string_view::npos) {
        break;
      } else {
        out->push_back(c);
      }
      ++at_;
    }
    return at_ > begin;
  }

  std::optional<Value> Prefixed() {
    const int base = (text_[at_ + 1] | 0x20) == 'x' ? 16 : ((text_[at_ + 1] | 0x20) == 'o' ? 8 : 2);
    at_ += 2;
    if (at_ < text_.size() && text_[at_] == '_') ++at_;
    std::string digits;
    constexpr std::string_view kAll = "0123456789abcdefABCDEF";
    if (!Digits(base == 16 ? kAll : kAll.substr(0, static_cast<size_t>(base)), &digits)) return std::nullopt;
    if (at_ < text_.size() && IsWord(text_[at_])) return std::nullopt;
    const auto number = ReadInteger(digits, base);
    return number.ok() ? std::optional(*number) : std::nullopt;
  }

  std::optional<Value> NumberLiteral() {
    if (text_[at_] == '0' && at_ + 1 < text_.size() &&
        std::string_view("xXoObB").find(text_[at_ + 1]) != std::string_view::npos) {
      return Prefixed();
    }
    constexpr std::string_view kDecimal = "0123456789";
    std::string digits;
    bool real = false;
    if (text_[at_] != '.' && !Digits(kDecimal, &digits)) return std::nullopt;
    const std::string whole = digits;
    if (at_ < text_.size() && text_[at_] == '.') {
      real = true;
      digits.push_back('.');
      ++at_;
      if (at_ < text_.size() && IsDigitChar(text_[at_]) && !Digits(kDecimal, &digits)) return std::nullopt;
    }
    if (at_ < text_.size() && (text_[at_] | 0x20) == 'e') {
      real = true;
      digits.push_back('e');
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) digits.push_back(text_[at_++]);
      if (!Digits(kDecimal, &digits)) return std::nullopt;
    }
    if (at_ < text_.size() && IsWord(text_[at_])) return std::nullopt;
    if (real) return Value::Float(std::strtod(digits.c_str(), nullptr));
    if (whole.size() > 1 && whole[0] == '0' && whole.find_first_not_of('0') != std::string::npos) return std::nullopt;
    const auto number = ReadInteger(whole);
    return number.ok() ? std::optional(*number) : std::nullopt;
  }

  std::optional<Value> Name() {
    size_t end = at_;
    while (end < text_.size() && IsWord(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (end < text_.size() && (text_[end] == '\'' || text_[end] == '"')) return Strings();
    at_ = end;
    if (word == "None") return Value::Null();
    if (word == "True" || word == "False") return Value::Bool(word == "True");
    if (word == "set" && Take('(') && Take(')')) return Value::OfSet({});
    return std::nullopt;
  }

  // Adjacent string literals, all of them text or all bytes.
  std::optional<Value> Strings() {
    std::string out;
    std::optional<bool> bytes;
    while (true) {
      Blank(false);
      size_t quote = at_;
      while (quote < text_.size() && IsWord(text_[quote])) ++quote;
      if (quote >= text_.size() || (text_[quote] != '\'' && text_[quote] != '"')) break;
      std::string prefix(text_.substr(at_, quote - at_));
      std::transform(prefix.begin(), prefix.end(), prefix.begin(), [](char c) { return static_cast<char>(c | 0x20); });
      std::sort(prefix.begin(), prefix.end());
      if (prefix != "" && prefix != "u" && prefix != "r" && prefix != "b" && prefix != "br") return std::nullopt;
      const bool is_bytes = prefix.find('b') != std::string::npos;
      if (bytes && *bytes != is_bytes) return std::nullopt;
      bytes = is_bytes;
      at_ = quote;
      if (!Quoted(prefix.find('r') != std::string::npos, is_bytes, &out)) return std::nullopt;
    }
    if (!bytes) return std::nullopt;
    return *bytes ? Value::Bytes(out) : Value::String(out);
  }

  bool Quoted(bool raw, bool bytes, std::string* out) {
    const char quote = text_[at_];
    const bool triple = text_.substr(at_, 3) == std::string(3, quote);
    const std::string_view end = triple ? text_.substr(at_, 3) : text_.substr(at_, 1);
    at_ += end.size();
    while (at_ < text_.size()) {
      if (text_.substr(at_, end.size()) == end) {
        at_ += end.size();
        return true;
      }
      const char c = text_[at_];
      if (!triple && (c == '\n' || c == '\r')) return false;
      if (bytes && static_cast<unsigned char>(c) >= 0x80) return false;
      if (c == '\r') {
        // Source text has one kind of line end.
        if (text_.substr(at_ + 1, 1) != "\n") out->push_back('\n');
        ++at_;
      } else if (c != '\\') {
        out->push_back(c);
        ++at_;
      } else if (!(raw ? RawEscape(out) : Escape(bytes, out))) {
        return false;
      }
    }
    return false;
  }

  bool RawEscape(std::string* out) {
    if (at_ + 1 >= text_.size()) return false;
    *out += text_.substr(at_, 2);
    at_ += 2;
    return true;
  }

  bool Hex(size_t width, char32_t* code) {
    *code = 0;
    for (size_t i = 0; i < width; ++i) {
      if (at_ >= text_.size()) return false;
      const char c = text_[at_++];
      const char lower = static_cast<char>(c | 0x20);
      if (IsDigitChar(c)) {
        *code = *code * 16 + static_cast<char32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        *code = *code * 16 + static_cast<char32_t>(lower - 'a' + 10);
      } else {
        return false;
      }
    }
    return *code < 0x110000;
  }

  bool Escape(bool bytes, std::string* out) {
    if (at_ + 1 >= text_.size()) return false;
    const char c = text_[at_ + 1];
    at_ += 2;
    constexpr std::string_view kFrom = "\\'\"abfnrtv";
    constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
    if (c == '\n') return true;
    if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
      out->push_back(kTo[known]);
      return true;
    }
    char32_t code = 0;
    if (c >= '0' && c <= '7') {
      code = static_cast<char32_t>(c - '0');
      for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++i) {
        code = code * 8 + static_cast<char32_t>(text_[at_++] - '0');
      }
    } else if (c == 'x' || (!bytes && (c == 'u' || c == 'U'))) {
      if (!Hex(c == 'x' ? 2 : (c == 'u' ? 4 : 8), &code)) return false;
    } else if (!bytes && c == 'N') {
      return false;  // names of characters are not known here
    } else {
      out->push_back('\\');
      out->push_back(c);
      return true;
    }
    if (bytes) {
      out->push_back(static_cast<char>(code));
    } else {
      AppendCodePoint(code, out);
    }
    return true;
  }

  std::optional<Value> Bracketed(char open) {
    if (++depth_ > kDepthMax) return std::nullopt;
    ++at_;
    std::optional<Value> value;
    if (open == '(') {
      value = Take(')') ? Value::OfTuple({}) : Closed(TupleOrOne(), ')');
    } else if (open == '[') {
      value = ListLiteral();
    } else {
      value = Braces();
    }
    --depth_;
    return value;
  }

  std::optional<Value> Closed(std::optional<Value> value, char close) {
    return value && Take(close) ? value : std::nullopt;
  }

  std::optional<Value> ListLiteral() {
    List items;
    while (!Take(']')) {
      auto item = One();
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
      if (Take(',')) continue;
      if (!Take(']')) return std::nullopt;
      break;
    }
    return NewList(std::move(items));
  }

  std::optional<Value> Braces() {
    if (Take('}')) return NewMap({});
    auto first = One();
    if (!first || !Hashable(*first)) return std::nullopt;
    if (!Take(':')) return SetLiteral(std::move(*first));
    Entries entries;
    while (true) {
      auto value = One();
      if (!value) return std::nullopt;
      entries.emplace_back(std::move(*first), std::move(*value));
      if (Take(',')) {
        if (Take('}')) break;
      } else {
        if (!Take('}')) return std::nullopt;
        break;
      }
      first = One();
      if (!first || !Hashable(*first) || !Take(':')) return std::nullopt;
    }
    return NewMap(std::move(entries));
  }

  std::optional<Value> SetLiteral(Value first) {
    List items = {std::move(first)};
    while (true) {
      if (Take(',')) {
        if (Take('}')) break;
      } else {
        if (!Take('}')) return std::nullopt;
        break;
      }
      auto item = One();
      if (!item || !Hashable(*item)) return std::nullopt;
      items.push_back(std::move(*item));
    }
    return Value::OfSet(std::move(items));
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

// Most texts are no literal, and their first word or last character tells.
bool CannotBeLiteral(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return true;
  const char c = text[first];
  if (c == 'T' || c == 'F' || c == 'N' || c == 's') {
    const std::string_view rest = text.substr(first);
    return rest.rfind("True", 0) != 0 && rest.rfind("False", 0) != 0 && rest.rfind("None", 0) != 0 &&
           rest.rfind("set", 0) != 0;
  }
  if (IsDigitChar(c)) {
    // "2024-01-31", "12ab": the first character after the digits settles it.
    const size_t end = text.find_first_not_of("0123456789", first);
    if (end == std::string_view::npos) return false;
    return std::string_view("._eExXoObB,# \t\n\r\\\f").find(text[end]) == std::string_view::npos;
  }
  if (c == 'b' || c == 'B' || c == 'r' || c == 'R' || c == 'u' || c == 'U') {
    const size_t quote = text.find_first_of("'\"", first);
    return quote == std::string_view::npos || quote > first + 2;
  }
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_' || c == '%' || c == '<' ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::optional<Value> ReadLiteral(std::string_view text) {
  if (CannotBeLiteral(text) || text.find('\0') != std::string_view::npos) return std::nullopt;
  return LiteralReader(text).Read();
}

}  // namespace firn::expression::jinja
