#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// Splits SQL text into the tokens of DuckDB's (PostgreSQL's) lexical rules; comments and space are left out.
namespace firn::query {

enum class TokenKind {
  kWord,    // unquoted identifier or keyword
  kQuoted,  // "identifier"
  kString,  // '…', E'…', $tag$…$tag$
  kNumber,
  kSymbol,  // one character, or =>
};

struct Token {
  TokenKind kind = TokenKind::kSymbol;
  size_t begin = 0;  // byte offsets in the text
  size_t end = 0;
  std::string value;  // kWord: as written; kQuoted, kString: the content; others: the text
};

inline constexpr size_t kSqlBytesMax = size_t{16} << 20;

/// Errors: kConfig E0707 for an open string, quoted name or comment, and for text beyond kSqlBytesMax.
Result<std::vector<Token>> Tokenize(std::string_view sql);

/// True if the token is that keyword, in any case. `keyword` in upper case.
bool IsKeyword(const Token& token, std::string_view keyword);
/// True if the token is that symbol.
bool IsSymbol(const Token& token, std::string_view symbol);
/// ASCII lower case, as DuckDB compares names.
std::string LowerName(std::string_view name);

}  // namespace firn::query
