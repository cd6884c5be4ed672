#include "expression/javascript/lexer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/ascii.h"
#include "expression/javascript/errors.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/utf16.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::javascript {
namespace {

using Kind = Token::Kind;

// Longer ones first.
constexpr std::array<std::string_view, 56> kOperators = {
    ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=", "||=", "?\?=", "=>", "==", "!=",
    "<=",   ">=",  "&&",  "||",  "?\?", "?.",  "**",  "<<",  ">>",  "++",  "--",   "+=", "-=", "*=",
    "/=",   "%=",  "&=",  "|=",  "^=",  "{",   "}",   "(",   ")",   "[",   "]",    ";",  ",",  "<",
    ">",    "+",   "-",   "*",   "/",   "%",   "&",   "|",   "^",   "!",   "~",    "?",  ":",  "="};

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || static_cast<uint8_t>(c) >= 0x80;
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> Run() {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool newline, SkipSpace());
      begin_ = at_;
      if (at_ >= source_.size()) break;
      const size_t before = tokens_.size();
      ARROW_RETURN_NOT_OK(One());
      tokens_[before].newline = newline;
    }
    if (!open_.empty()) {
      const Token& token = tokens_[open_.back()];
      return SyntaxError(token.range, "'" + std::string(source_.substr(token.range.begin, 1)) + "' is not closed");
    }
    Push(Kind::kEnd);
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  Range Here() const { return {.begin = begin_, .end = std::max(at_, begin_)}; }
  Token& Push(Kind kind) {
    Token& token = tokens_.emplace_back();
    token.kind = kind;
    token.range = Here();
    token.text = source_.substr(begin_, at_ - begin_);
    return token;
  }

  // True if a line ended.
  Result<bool> SkipSpace() {
    bool newline = false;
    while (at_ < source_.size()) {
      const std::string_view rest = source_.substr(at_);
      if (rest.starts_with("//")) {
        at_ = std::min(source_.find('\n', at_), source_.size());
      } else if (rest.starts_with("/*")) {
        const size_t end = source_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return SyntaxError({at_, at_ + 2}, "a comment is not closed");
        at_ = end + 2;
      } else if (rest.starts_with("\xC2\xA0")) {
        at_ += 2;
      } else if (rest.starts_with("\xEF\xBB\xBF") || rest.starts_with("\xE2\x80\xA8") ||
                 rest.starts_with("\xE2\x80\xA9")) {
        at_ += 3;
      } else if (IsSpace(static_cast<uint8_t>(rest[0])) && static_cast<uint8_t>(rest[0]) < 0x80) {
        newline = newline || rest[0] == '\n' || rest[0] == '\r';
        ++at_;
      } else {
        break;
      }
    }
    return newline;
  }

  Status One() {
    const char c = Peek();
    if (IsNameStart(c)) return Name();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (c == '"' || c == '\'') return String();
    if (c == '`') return TemplatePiece();
    if (c == '/' && RegexMayFollow()) return Regex();
    if (c == '}' && !open_.empty() && tokens_[open_.back()].kind == Kind::kTemplate) {
      open_.pop_back();
      return TemplatePiece();
    }
    return Operator();
  }

  Status Name() {
    while (at_ < source_.size() && (IsNameStart(source_[at_]) || IsDigit(source_[at_]))) ++at_;
    Push(Kind::kName);
    if (!jinja::IsAscii(tokens_.back().text)) {
      for (const char32_t code : jinja::Decode(tokens_.back().text)) {
        if (code >= 0x80 && !jinja::IsAlphanumeric(code)) {
          return SyntaxError(Here(), "a character that cannot be part of a name");
        }
      }
    }
    return Status::OK();
  }

  // After a value a '/' divides; elsewhere it begins a regular expression.
  bool RegexMayFollow() const {
    if (tokens_.empty()) return true;
    const Token& last = tokens_.back();
    if (last.kind == Kind::kOperator) return last.text != ")" && last.text != "]" && last.text != "}";
    if (last.kind == Kind::kName) {
      return last.text == "typeof" || last.text == "return" || last.text == "in" || last.text == "void" ||
             last.text == "instanceof";
    }
    return last.kind == Kind::kTemplate && last.open;
  }

  Status Number() {
    const char letter = static_cast<char>(Peek(1) | 0x20);
    const bool radix = Peek() == '0' && (letter == 'x' || letter == 'o' || letter == 'b');
    std::string digits;
    const auto run = [&](auto&& accepts) {
      while (accepts(Peek()) || (Peek() == '_' && IsDigit(digits.empty() ? '\0' : digits.back()) && accepts(Peek(1)))) {
        if (Peek() != '_') digits += Peek();
        ++at_;
      }
    };
    if (radix) {
      digits = source_.substr(at_, 2);
      at_ += 2;
      run([](char c) { return HexDigit(c) >= 0; });
    } else {
      run(IsDigit);
      const bool whole = Peek() != '.' && (Peek() | 0x20) != 'e';
      if (Peek() == 'n' && whole) return BigInt(digits);
      if (digits.size() > 1 && digits[0] == '0') return SyntaxError(Here(), "a number cannot begin with 0");
      if (Peek() == '.') digits += source_[at_++], run(IsDigit);
      if ((Peek() | 0x20) == 'e') {
        digits += source_[at_++];
        if (Peek() == '+' || Peek() == '-') digits += source_[at_++];
        run(IsDigit);
      }
      if (whole && std::abs(TextToNumber(Widen(digits))) > kSafeIntegerMax && digits.size() < 22) {
        return Refused(Here(), "JavaScript would round this integer; write it with an n, as 123n, or with an exponent");
      }
    }
    const double value = TextToNumber(Widen(digits));
    if (std::isnan(value) || IsNameStart(Peek()) || IsDigit(Peek())) {
      return SyntaxError({begin_, std::min(at_ + 1, source_.size())}, "not a number");
    }
    Push(Kind::kNumber).value = Value::Number(value);
    return Status::OK();
  }

  Status BigInt(const std::string& digits) {
    ++at_;
    const Value value = Value::NumberText(digits);
    if (value.is_number()) return Refused(Here(), "BigInt is for integers beyond 2^53 only; leave out the n");
    Push(Kind::kNumber).value = value;
    return Status::OK();
  }

  Status String() {
    const char quote = source_[at_++];
    std::u16string text;
    size_t run = at_;
    const auto flush = [&] { text += ToUtf16(source_.substr(run, at_ - run)); };
    while (Peek() != quote) {
      if (at_ >= source_.size() || Peek() == '\n' || Peek() == '\r') {
        return SyntaxError({begin_, at_}, "a string is not closed");
      }
      if (Peek() == '\\') {
        flush();
        ARROW_RETURN_NOT_OK(Escape(&text));
        run = at_;
      } else {
        ++at_;
      }
    }
    flush();
    ++at_;
    Push(Kind::kString).value = Value::String(std::move(text));
    return Status::OK();
  }

  // From a ` or the } of a ${…} to the next ${ or the closing `.
  Status TemplatePiece() {
    const bool middle = source_[at_++] == '}';
    std::u16string text;
    size_t run = at_;
    const auto flush = [&] {
      const std::u16string raw = ToUtf16(source_.substr(run, at_ - run));
      for (size_t i = 0; i < raw.size(); ++i) {  // line ends are always \n
        if (raw[i] == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n') continue;
        text += raw[i] == '\r' ? u'\n' : raw[i];
      }
    };
    while (Peek() != '`' && !(Peek() == '$' && Peek(1) == '{')) {
      if (at_ >= source_.size()) return SyntaxError({begin_, begin_ + 1}, "a template string is not closed");
      if (Peek() == '\\') {
        flush();
        ARROW_RETURN_NOT_OK(Escape(&text));
        run = at_;
      } else {
        ++at_;
      }
    }
    flush();
    const bool open = Peek() == '$';
    at_ += open ? 2 : 1;
    Token& token = Push(Kind::kTemplate);
    token.value = Value::String(std::move(text));
    token.open = open;
    token.text = middle ? "}" : "`";
    if (open) open_.push_back(tokens_.size() - 1);
    return Status::OK();
  }

  Status Escape(std::u16string* text) {
    const size_t begin = at_++;
    const char c = Peek();
    ++at_;
    switch (c) {
      case 'n':
        *text += u'\n';
        return Status::OK();
      case 't':
        *text += u'\t';
        return Status::OK();
      case 'r':
        *text += u'\r';
        return Status::OK();
      case 'b':
        *text += u'\b';
        return Status::OK();
      case 'f':
        *text += u'\f';
        return Status::OK();
      case 'v':
        *text += u'\v';
        return Status::OK();
      case '\r':
        if (Peek() == '\n') ++at_;
        return Status::OK();
      case '\n':
        return Status::OK();
      case 'x':
        return Hex(begin, 2, text);
      case 'u':
        return Unicode(begin, text);
      default:
        break;
    }
    if (c == '0' && !IsDigit(Peek())) {
      *text += u'\0';
      return Status::OK();
    }
    if (IsDigit(c)) return SyntaxError({begin, at_}, "octal escapes are not allowed");
    --at_;  // any other character stands for itself
    const size_t length = at_ < source_.size() ? jinja::Decode(source_.substr(at_, 4)).empty() ? 0 : 1 : 0;
    if (length == 0) return SyntaxError({begin, at_}, "a '\\' at the end");
    do {
      ++at_;
    } while (at_ < source_.size() && (static_cast<uint8_t>(source_[at_]) & 0xC0) == 0x80);
    *text += ToUtf16(source_.substr(begin + 1, at_ - begin - 1));
    return Status::OK();
  }

  Status Hex(size_t begin, size_t count, std::u16string* text) {
    char32_t code = 0;
    for (size_t i = 0; i < count; ++i, ++at_) {
      const int digit = HexDigit(Peek());
      if (digit < 0) return SyntaxError({begin, at_}, "an invalid escape");
      code = code * 16 + static_cast<char32_t>(digit);
    }
    AppendCodePoint(code, text);
    return Status::OK();
  }

  Status Unicode(size_t begin, std::u16string* text) {
    if (Peek() != '{') return Hex(begin, 4, text);
    ++at_;
    char32_t code = 0;
    size_t digits = 0;
    for (; HexDigit(Peek()) >= 0 && code <= 0x10FFFF; ++at_, ++digits) {
      code = code * 16 + static_cast<char32_t>(HexDigit(Peek()));
    }
    if (digits == 0 || code > 0x10FFFF || Peek() != '}') return SyntaxError({begin, at_}, "an invalid escape");
    ++at_;
    AppendCodePoint(code, text);
    return Status::OK();
  }

  Status Regex() {
    ++at_;
    bool in_class = false;
    for (; in_class || Peek() != '/'; ++at_) {
      if (at_ >= source_.size() || Peek() == '\n') {
        return SyntaxError({begin_, begin_ + 1}, "a regular expression is not closed");
      }
      if (Peek() == '\\') {
        ++at_;
      } else if (Peek() == '[') {
        in_class = true;
      } else if (Peek() == ']') {
        in_class = false;
      }
    }
    const std::string_view pattern = source_.substr(begin_ + 1, at_ - begin_ - 1);
    const size_t flags = ++at_;
    while (IsNameStart(Peek())) ++at_;
    Token& token = Push(Kind::kRegex);
    token.value = Value::Utf8(pattern);
    token.text = source_.substr(flags, at_ - flags);
    return Status::OK();
  }

  Status Operator() {
    const std::string_view rest = source_.substr(at_);
    for (const std::string_view one : kOperators) {
      if (!rest.starts_with(one)) continue;
      if (one == "?." && IsDigit(Peek(2))) continue;  // a ? .5 : b
      at_ += one.size();
      Push(Kind::kOperator);
      return Brackets(one);
    }
    if (rest.starts_with(".")) {
      ++at_;
      Push(Kind::kOperator);
      return Status::OK();
    }
    at_ += jinja::IsAscii(rest.substr(0, 1)) ? 1 : 2;
    return SyntaxError({begin_, begin_ + 1}, "an unexpected character");
  }

  Status Brackets(std::string_view text) {
    const size_t index = tokens_.size() - 1;
    if (text == "(" || text == "[" || text == "{") open_.push_back(index);
    if (text != ")" && text != "]" && text != "}") return Status::OK();
    const std::string_view opener = text == ")" ? "(" : text == "]" ? "[" : "{";
    if (open_.empty() || tokens_[open_.back()].text != opener) {
      return SyntaxError(Here(), "'" + std::string(text) + "' closes nothing");
    }
    tokens_[open_.back()].match = index;
    open_.pop_back();
    return Status::OK();
  }

  std::string_view source_;
  size_t begin_ = 0;
  size_t at_ = 0;
  std::vector<Token> tokens_;
  std::vector<size_t> open_;  // brackets not closed yet
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view source) {
  return Lexer(source).Run();
}

}  // namespace firn::expression::javascript
