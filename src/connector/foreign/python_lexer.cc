#include "connector/foreign/python_lexer.h"

#include <cctype>

namespace firn::connector::foreign {
namespace {

using Kind = PythonToken::Kind;

bool IsNameByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr unsigned char kLead[] = {0, 0xC0, 0xE0, 0xF0};
  *out += static_cast<char>(kLead[more] | (code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) *out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

class Lexer {
 public:
  Lexer(std::string_view text, int64_t tokens_max) : text_(text), tokens_max_(tokens_max) {}

  Result<std::vector<PythonToken>> Run() {
    while (at_ < text_.size()) {
      ARROW_RETURN_NOT_OK(Step());
      if (static_cast<int64_t>(out_.size()) > tokens_max_) return PythonError(line_, "the file is too large");
    }
    Add(Kind::kEnd, "");
    return std::move(out_);
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void Add(Kind kind, std::string text) { out_.push_back({.kind = kind, .line = line_, .text = std::move(text)}); }

  Status Step() {
    const char c = Peek();
    if (c == '\n') {
      if (depth_ == 0) Add(Kind::kNewline, "");
      ++line_, ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
      ++at_;
    } else if (c == '\\' && (Peek(1) == '\n' || Peek(1) == '\r')) {
      at_ += Peek(1) == '\r' ? 3 : 2;
      ++line_;
    } else if (c == '#') {
      while (at_ < text_.size() && Peek() != '\n') ++at_;
    } else if (c == '"' || c == '\'') {
      return String("");
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      Number();
    } else if (IsNameByte(c)) {
      return Name();
    } else {
      Operator();
    }
    return Status::OK();
  }

  Status Name() {
    const size_t begin = at_;
    while (IsNameByte(Peek())) ++at_;
    std::string name(text_.substr(begin, at_ - begin));
    const bool quote = Peek() == '"' || Peek() == '\'';
    if (quote && name.size() <= 2 && name.find_first_not_of("rRbBfFuU") == std::string::npos) return String(name);
    Add(Kind::kName, std::move(name));
    return Status::OK();
  }

  void Number() {
    const size_t begin = at_;
    while (IsNameByte(Peek()) || Peek() == '.' ||
           ((Peek() == '-' || Peek() == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))) {
      ++at_;
    }
    Add(Kind::kNumber, std::string(text_.substr(begin, at_ - begin)));
  }

  void Operator() {
    const char c = Peek();
    if (c == '(' || c == '[' || c == '{') ++depth_;
    if ((c == ')' || c == ']' || c == '}') && depth_ > 0) --depth_;
    // Of operators of two signs only those matter that hold a `=`, so that they are no assignment.
    const bool two = Peek(1) == '=' || (c == '-' && Peek(1) == '>') || (c == '*' && Peek(1) == '*');
    Add(Kind::kOperator, std::string(text_.substr(at_, two ? 2 : 1)));
    at_ += two ? 2 : 1;
  }

  Status String(const std::string& prefix) {
    const auto has = [&](char lower, char upper) {
      return prefix.find(lower) != std::string::npos || prefix.find(upper) != std::string::npos;
    };
    const bool raw = has('r', 'R');
    const Kind kind = has('b', 'B') ? Kind::kBytes : has('f', 'F') ? Kind::kFormatted : Kind::kString;
    const char quote = Peek();
    const bool triple = Peek(1) == quote && Peek(2) == quote;
    const uint32_t begin = line_;
    at_ += triple ? 3 : 1;
    std::string value;
    while (true) {
      if (at_ >= text_.size() || (!triple && Peek() == '\n')) return PythonError(begin, "a string without an end");
      if (Peek() == quote && (!triple || (Peek(1) == quote && Peek(2) == quote))) break;
      if (Peek() == '\n') ++line_;
      if (Peek() == '\\' && !raw) {
        ARROW_RETURN_NOT_OK(Escape(&value));
      } else if (Peek() == '\\' && at_ + 1 < text_.size()) {
        value += text_.substr(at_, 2);
        at_ += 2;
      } else {
        value += text_[at_++];
      }
    }
    at_ += triple ? 3 : 1;
    out_.push_back({.kind = kind, .line = begin, .text = std::move(value)});
    return Status::OK();
  }

  Status Escape(std::string* value) {
    const char c = Peek(1);
    constexpr std::string_view kNames = "\\'\"abfnrtv";
    constexpr std::string_view kValues = "\\'\"\a\b\f\n\r\t\v";
    at_ += 2;
    if (c == '\n') {
      ++line_;
    } else if (const size_t known = kNames.find(c); known != std::string_view::npos) {
      *value += kValues[known];
    } else if (c == 'x' || c == 'u' || c == 'U') {
      return Hex(c == 'x' ? 2 : c == 'u' ? 4 : 8, value);
    } else if (c >= '0' && c <= '7') {
      uint32_t code = static_cast<uint32_t>(c - '0');
      for (int i = 0; i < 2 && Peek() >= '0' && Peek() <= '7'; ++i)
        code = code * 8 + static_cast<uint32_t>(text_[at_++] - '0');
      AppendUtf8(code, value);
    } else if (c == 'N') {
      return PythonError(line_, "a character by its name");
    } else {
      *value += '\\';
      *value += c;
    }
    return Status::OK();
  }

  Status Hex(int digits, std::string* value) {
    uint64_t code = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = Peek();
      if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return PythonError(line_, "an escape that is none");
      const int lower = std::tolower(static_cast<unsigned char>(c));
      code = code * 16 + static_cast<uint64_t>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
      ++at_;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      return PythonError(line_, "an escape that is no character");
    AppendUtf8(static_cast<uint32_t>(code), value);
    return Status::OK();
  }

  const std::string_view text_;
  const int64_t tokens_max_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  int depth_ = 0;
  std::vector<PythonToken> out_;
};

}  // namespace

Status PythonError(uint32_t line, const std::string& what) {
  return MakeError(
      Fault::kConfig, "line " + std::to_string(line) + ": " + what,
      {.code = "E0560",
       .where = "",
       .why = "the file is read, not run",
       .state = "nothing was written",
       .next =
           "write the configuration as JSON: python -c \"import json; json.dump(config, open('config.json', 'w'))\""});
}

Result<std::vector<PythonToken>> PythonTokens(std::string_view text, int64_t tokens_max) {
  return Lexer(text, tokens_max).Run();
}

}  // namespace firn::connector::foreign
