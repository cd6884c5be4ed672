#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/sql_rewrite.h"
#include "query/sql_tokens.h"
#include "query/syntax_tree.h"

namespace {

using namespace firn::query;

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

// Tokens come in order, inside the text, and nothing but space and comments lies between them.
void CheckTokens(std::string_view sql) {
  const auto tokens = Tokenize(sql);
  if (!tokens.ok()) return;
  size_t at = 0;
  for (const Token& token : *tokens) {
    Check(token.begin >= at && token.end > token.begin && token.end <= sql.size());
    const std::string_view between = sql.substr(at, token.begin - at);
    Check(between.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos ||
          between.find("--") != std::string_view::npos || between.find("/*") != std::string_view::npos);
    if (token.kind == TokenKind::kWord || token.kind == TokenKind::kNumber) {
      Check(token.value == sql.substr(token.begin, token.end - token.begin));
    }
    at = token.end;
  }
}

}  // namespace

/// SQL text, and after the first NUL what the engine says its syntax tree is: any bytes, never a crash; a text that is
/// rewritten keeps everything outside the names.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view sql = input.substr(0, input.find('\0'));
  const std::string tree(input.substr(std::min(sql.size() + 1, input.size())));
  CheckTokens(sql);
  const auto parsed = ParseQuery(sql, [&](std::string_view) { return firn::Result<std::string>(tree); });
  if (!parsed.ok()) return 0;
  std::vector<std::string> same;
  size_t at = 0;
  for (const TableReference& reference : parsed->references) {
    Check(reference.name_begin >= at && reference.name_begin <= reference.name_end);
    Check(reference.name_end <= parsed->text.size() && reference.at_end <= parsed->text.size());
    same.push_back("x");
    at = reference.name_end;
  }
  Check(Splice(*parsed, same).size() <= parsed->text.size() + same.size());
  return 0;
}
