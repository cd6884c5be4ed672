#include "query/sql_tokens.h"

#include <algorithm>
#include <utility>

namespace firn::query {
namespace {

bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsWord(char c) {
  return IsWordStart(c) || IsDigit(c) || c == '$';
}

Status Unclosed(std::string_view what, size_t at) {
  return MakeError(Fault::kConfig, std::string("the query has ") + std::string(what) + " that is not closed",
                   {.code = "E0707",
                    .why = "it begins at character " + std::to_string(at + 1),
                    .state = "nothing was changed",
                    .next = "close it"});
}

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  Result<std::vector<Token>> Run() {
    while (true) {
      ARROW_RETURN_NOT_OK(SkipSpace());
      if (at_ >= sql_.size()) return std::move(tokens_);
      ARROW_RETURN_NOT_OK(Take());
    }
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  Status SkipSpace() {
    while (at_ < sql_.size()) {
      if (IsSpace(Peek())) {
        ++at_;
      } else if (Peek() == '-' && Peek(1) == '-') {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (Peek() == '/' && Peek(1) == '*') {
        ARROW_RETURN_NOT_OK(SkipBlock());
      } else {
        break;
      }
    }
    return Status::OK();
  }

  // Block comments nest (PostgreSQL 15 manual, 4.1.5).
  Status SkipBlock() {
    const size_t begin = at_;
    int depth = 0;
    while (at_ < sql_.size()) {
      if (Peek() == '/' && Peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (Peek() == '*' && Peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) return Status::OK();
      } else {
        ++at_;
      }
    }
    return Unclosed("a comment", begin);
  }

  Status Take() {
    const char c = Peek();
    if (c == '\'') return TakeQuoted('\'', TokenKind::kString, false);
    if (c == '"') return TakeQuoted('"', TokenKind::kQuoted, false);
    if ((c == 'e' || c == 'E') && Peek(1) == '\'') return TakeQuoted('\'', TokenKind::kString, true);
    if (c == '$' && (Peek(1) == '$' || IsWordStart(Peek(1)))) return TakeDollar();
    if (IsWordStart(c)) return TakeWhile(TokenKind::kWord, IsWord);
    if (IsDigit(c)) return TakeWhile(TokenKind::kNumber, [](char d) { return IsWord(d) || d == '.'; });
    const size_t size = c == '=' && Peek(1) == '>' ? 2 : 1;
    return Add(TokenKind::kSymbol, size, std::string(sql_.substr(at_, size)));
  }

  template <typename Test>
  Status TakeWhile(TokenKind kind, Test test) {
    size_t size = 1;
    while (at_ + size < sql_.size() && test(sql_[at_ + size])) ++size;
    return Add(kind, size, std::string(sql_.substr(at_, size)));
  }

  Status TakeQuoted(char mark, TokenKind kind, bool escapes) {
    size_t i = at_ + (escapes ? 2 : 1);
    std::string value;
    for (; i < sql_.size(); ++i) {
      if (escapes && sql_[i] == '\\' && i + 1 < sql_.size()) {
        value += sql_[++i];  // good enough: such strings are never table names
      } else if (sql_[i] != mark) {
        value += sql_[i];
      } else if (i + 1 < sql_.size() && sql_[i + 1] == mark) {
        value += sql_[++i];
      } else {
        return Add(kind, i + 1 - at_, std::move(value));
      }
    }
    return Unclosed(kind == TokenKind::kString ? "a string" : "a quoted name", at_);
  }

  Status TakeDollar() {
    const size_t tag_end = sql_.find('$', at_ + 1);
    if (tag_end == std::string_view::npos) return Add(TokenKind::kSymbol, 1, "$");
    const std::string_view tag = sql_.substr(at_, tag_end + 1 - at_);
    if (!std::all_of(tag.begin() + 1, tag.end() - 1, IsWord)) return Add(TokenKind::kSymbol, 1, "$");
    const size_t close = sql_.find(tag, tag_end + 1);
    if (close == std::string_view::npos) return Unclosed("a string", at_);
    return Add(TokenKind::kString, close + tag.size() - at_,
               std::string(sql_.substr(tag_end + 1, close - tag_end - 1)));
  }

  Status Add(TokenKind kind, size_t size, std::string value) {
    tokens_.push_back({.kind = kind, .begin = at_, .end = at_ + size, .value = std::move(value)});
    at_ += size;
    return Status::OK();
  }

  std::string_view sql_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view sql) {
  if (sql.size() > kSqlBytesMax) {
    return MakeError(Fault::kConfig, "the query is longer than 16 MiB", {.code = "E0707"});
  }
  return Lexer(sql).Run();
}

std::string LowerName(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsKeyword(const Token& token, std::string_view keyword) {
  return token.kind == TokenKind::kWord && LowerName(token.value) == LowerName(keyword);
}

bool IsSymbol(const Token& token, std::string_view symbol) {
  return token.kind == TokenKind::kSymbol && token.value == symbol;
}

}  // namespace firn::query
