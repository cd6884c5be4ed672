#include "expression/jinja/lexer.h"

#include <algorithm>
#include <cstdlib>

#include "expression/jinja/number.h"
#include "expression/jinja/object.h"
#include "expression/jinja/unicode.h"
#include "expression/node.h"

namespace firn::expression::jinja {
namespace {

constexpr std::string_view kSpace = " \t\n\r\v\f";
constexpr size_t kTokensMax = 20'000;

bool IsDigitChar(char c) {
  return c >= '0' && c <= '9';
}
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsNameChar(char c) {
  return IsNameStart(c) || IsDigitChar(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> Run() {
    while (at_ < source_.size()) ARROW_RETURN_NOT_OK(Root());
    tokens_.push_back({.kind = Token::Kind::kEnd, .range = {source_.size(), source_.size()}});
    return std::move(tokens_);
  }

 private:
  std::string_view Rest(size_t at) const { return source_.substr(std::min(at, source_.size())); }
  size_t SkipSpace(size_t at) const { return std::min(source_.find_first_not_of(kSpace, at), source_.size()); }

  void AddText(size_t begin, size_t end) {
    if (end > begin) {
      tokens_.push_back({.kind = Token::Kind::kText,
                         .range = {begin, end},
                         .value = Value::String(source_.substr(begin, end - begin))});
    }
  }

  // Text up to the next tag, and the tag.
  Status Root() {
    size_t open = at_;
    while (open < source_.size()) {
      open = std::min(source_.find('{', open), source_.size());
      const char next = open + 1 < source_.size() ? source_[open + 1] : '\0';
      if (open == source_.size() || next == '{' || next == '%' || next == '#') break;
      ++open;
    }
    if (open == source_.size()) {
      AddText(at_, open);
      at_ = open;
      return Status::OK();
    }
    const char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
    size_t end = open;
    if (sign == '-') {
      while (end > at_ && kSpace.find(source_[end - 1]) != std::string_view::npos) --end;
    }
    AddText(at_, end);
    at_ = open + 2 + (sign == '-' || sign == '+' ? 1 : 0);
    switch (source_[open + 1]) {
      case '#':
        return Comment(open);
      case '%':
        return Block(open);
      default:
        return Tag(open, Token::Kind::kVariableBegin, Token::Kind::kVariableEnd, "}}");
    }
  }

  Status Comment(size_t open) {
    const size_t close = source_.find("#}", at_);
    if (close == std::string_view::npos) return ErrorAt({open, source_.size()}, "the comment does not end");
    at_ = close > at_ && source_[close - 1] == '-' ? SkipSpace(close + 2) : close + 2;
    return Status::OK();
  }

  // A statement, or a part that is taken as it is.
  Status Block(size_t open) {
    size_t word = SkipSpace(at_);
    if (Rest(word).substr(0, 3) == "raw") {
      word = SkipSpace(word + 3);
      const bool strip = Rest(word).substr(0, 3) == "-%}";
      if (strip || Rest(word).substr(0, 2) == "%}") return Raw(open, strip ? SkipSpace(word + 3) : word + 2);
    }
    return Tag(open, Token::Kind::kBlockBegin, Token::Kind::kBlockEnd, "%}");
  }

  Status Raw(size_t open, size_t begin) {
    for (size_t close = source_.find("{%", begin); close != std::string_view::npos;
         close = source_.find("{%", close + 1)) {
      const char sign = close + 2 < source_.size() ? source_[close + 2] : '\0';
      size_t word = SkipSpace(close + 2 + (sign == '-' || sign == '+' ? 1 : 0));
      if (Rest(word).substr(0, 6) != "endraw") continue;
      word = SkipSpace(word + 6);
      const std::string_view rest = Rest(word);
      const bool strip = rest.substr(0, 3) == "-%}";
      if (!strip && rest.substr(0, 3) != "+%}" && rest.substr(0, 2) != "%}") continue;
      size_t end = close;
      while (sign == '-' && end > begin && kSpace.find(source_[end - 1]) != std::string_view::npos) --end;
      AddText(begin, end);
      at_ = strip ? SkipSpace(word + 3) : word + (rest[0] == '+' ? 3 : 2);
      return Status::OK();
    }
    return ErrorAt({open, source_.size()}, "the raw block does not end");
  }

  Status Tag(size_t open, Token::Kind begin, Token::Kind end, std::string_view close) {
    tokens_.push_back({.kind = begin, .range = {open, at_}});
    std::string closers;
    while (true) {
      at_ = SkipSpace(at_);
      if (at_ >= source_.size())
        return ErrorAt({open, source_.size()},
                       "'" + std::string(source_.substr(open, 2)) + "' without '" + std::string(close) + "'");
      if (closers.empty() && AtClose(close, end)) return Status::OK();
      if (tokens_.size() > kTokensMax) return ErrorAt({open, at_}, "the template has too many parts");
      ARROW_RETURN_NOT_OK(One(&closers));
    }
  }

  bool AtClose(std::string_view close, Token::Kind end) {
    const size_t begin = at_;
    const std::string_view rest = Rest(at_);
    if (rest.substr(0, 2) == close) {
      at_ += 2;
    } else if (rest.substr(0, 1) == "-" && rest.substr(1, 2) == close) {
      at_ = SkipSpace(at_ + 3);
    } else if (end == Token::Kind::kBlockEnd && rest.substr(0, 1) == "+" && rest.substr(1, 2) == close) {
      at_ += 3;
    } else {
      return false;
    }
    tokens_.push_back({.kind = end, .range = {begin, std::min(begin + 2, at_)}});
    return true;
  }

  Status One(std::string* closers) {
    const char c = source_[at_];
    if (IsDigitChar(c)) return Number();
    if (IsNameStart(c)) return Name();
    if (c == '"' || c == '\'') return String();
    return Operator(closers);
  }

  // Digits with single underscores between them; returns the end, or `at` when there are none.
  size_t Digits(size_t at) const {
    if (at >= source_.size() || !IsDigitChar(source_[at])) return at;
    while (at < source_.size()) {
      if (IsDigitChar(source_[at])) {
        ++at;
      } else if (source_[at] == '_' && at + 1 < source_.size() && IsDigitChar(source_[at + 1])) {
        at += 2;
      } else {
        break;
      }
    }
    return at;
  }

  // The end of a float that begins here, or 0.
  size_t FloatEnd() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return 0;
    const size_t whole = Digits(at_);
    size_t end = whole;
    if (end < source_.size() && source_[end] == '.' && Digits(end + 1) > end + 1) end = Digits(end + 1);
    const bool fraction = end > whole;
    size_t exponent = end;
    if (exponent < source_.size() && (source_[exponent] | 0x20) == 'e') {
      ++exponent;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
      if (Digits(exponent) > exponent) return Digits(exponent);
    }
    return fraction ? end : 0;
  }

  size_t PrefixedEnd() const {
    if (source_[at_] != '0' || at_ + 1 >= source_.size()) return 0;
    const char letter = static_cast<char>(source_[at_ + 1] | 0x20);
    const std::string_view digits = letter == 'x'   ? "0123456789abcdefABCDEF"
                                    : letter == 'o' ? "01234567"
                                    : letter == 'b' ? "01"
                                                    : "";
    size_t end = at_ + 2;
    while (!digits.empty() && end < source_.size()) {
      const size_t digit = source_[end] == '_' ? end + 1 : end;
      if (digit >= source_.size() || digits.find(source_[digit]) == std::string_view::npos) break;
      end = digit + 1;
    }
    return end > at_ + 2 ? end : 0;
  }

  Status Number() {
    const size_t begin = at_;
    size_t end = FloatEnd();
    const bool real = end > 0;
    if (!real) end = PrefixedEnd();
    if (end == 0) {
      end = Digits(at_);
      if (source_[at_] == '0') {
        // A leading zero ends at the last zero: "012" is two numbers, and so an error.
        end = at_ + 1;
        while (end < source_.size() &&
               (source_[end] == '0' || (source_[end] == '_' && Rest(end + 1).substr(0, 1) == "0")))
          ++end;
      }
    }
    std::string digits(source_.substr(begin, end - begin));
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    at_ = end;
    Token token{.kind = real ? Token::Kind::kFloat : Token::Kind::kInteger, .range = {begin, end}};
    if (real) {
      token.value = Value::Float(std::strtod(digits.c_str(), nullptr));
    } else {
      const auto number = ReadInteger(digits, 0);
      if (!number.ok()) return ErrorAt({begin, end}, number.status().message());
      token.value = *number;
    }
    tokens_.push_back(std::move(token));
    return Status::OK();
  }

  Status Name() {
    const size_t begin = at_;
    while (at_ < source_.size() && IsNameChar(source_[at_])) ++at_;
    const std::string_view text = source_.substr(begin, at_ - begin);
    if (!IsAscii(text)) {
      for (const char32_t code : Decode(text)) {
        if (code >= 0x80 && !IsAlphanumeric(code)) return ErrorAt({begin, at_}, "unexpected character");
      }
    }
    tokens_.push_back({.kind = Token::Kind::kName, .range = {begin, at_}, .text = text});
    return Status::OK();
  }

  Status String() {
    const size_t begin = at_;
    const char quote = source_[at_++];
    std::string out;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] != '\\') {
        out.push_back(source_[at_++]);
        continue;
      }
      if (!Escape(&out)) return ErrorAt({begin, at_}, "invalid escape in the string");
    }
    if (at_ >= source_.size()) return ErrorAt({begin, begin + 1}, "the string does not end");
    ++at_;
    tokens_.push_back({.kind = Token::Kind::kString, .range = {begin, at_}, .value = Value::String(out)});
    return Status::OK();
  }

  bool Hex(size_t width, std::string* out) {
    const std::string_view digits = Rest(at_).substr(0, width);
    if (digits.size() != width || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
      return false;
    const auto code = static_cast<char32_t>(std::strtoul(std::string(digits).c_str(), nullptr, 16));
    at_ += width;
    if (code >= 0x110000) return false;
    AppendCodePoint(code, out);
    return true;
  }

  // Python's unicode-escape.
  bool Escape(std::string* out) {
    ++at_;
    if (at_ >= source_.size()) return false;
    const char c = source_[at_++];
    constexpr std::string_view kFrom = "\\'\"abfnrtv";
    constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
    if (c == '\n') return true;
    if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
      out->push_back(kTo[known]);
    } else if (c >= '0' && c <= '7') {
      char32_t code = static_cast<char32_t>(c - '0');
      for (int i = 0; i < 2 && at_ < source_.size() && source_[at_] >= '0' && source_[at_] <= '7'; ++i) {
        code = code * 8 + static_cast<char32_t>(source_[at_++] - '0');
      }
      AppendCodePoint(code, out);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      return Hex(c == 'x' ? 2 : (c == 'u' ? 4 : 8), out);
    } else if (c == 'N') {
      return false;  // names of characters are not known here
    } else {
      out->push_back('\\');
      out->push_back(c);
    }
    return true;
  }

  Status Operator(std::string* closers) {
    constexpr std::string_view kDouble[] = {"//", "**", "==", "!=", ">=", "<="};
    const size_t begin = at_;
    size_t length = 1;
    for (const std::string_view two : kDouble) {
      if (Rest(at_).substr(0, 2) == two) length = 2;
    }
    const char c = source_[at_];
    if (length == 1 && std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos) {
      return ErrorAt({begin, begin + 1}, "unexpected character");
    }
    if (c == '(' || c == '[' || c == '{') closers->push_back(c == '(' ? ')' : (c == '[' ? ']' : '}'));
    if (c == ')' || c == ']' || c == '}') {
      if (closers->empty() || closers->back() != c) {
        return ErrorAt({begin, begin + 1}, closers->empty() ? std::string("unexpected '") + c + "'"
                                                            : std::string("'") + closers->back() + "' is missing here");
      }
      closers->pop_back();
    }
    at_ += length;
    tokens_.push_back({.kind = Token::Kind::kOperator, .range = {begin, at_}, .text = source_.substr(begin, length)});
    return Status::OK();
  }

  std::string_view source_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view source) {
  return Lexer(source).Run();
}

std::string NormalizeSource(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (source.substr(i + 1, 1) != "\n") out.push_back('\n');
    } else {
      out.push_back(source[i]);
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace firn::expression::jinja
