#include "source/airbyte/snake_case.h"

#include <vector>

#include "base/ascii.h"
#include "source/airbyte/ascii_letters.h"

namespace firn::source::airbyte {
namespace {

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string SnakeCase(std::string_view key) {
  const std::string text = AsciiLetters(key);
  std::vector<std::string> tokens;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (IsUpper(text[at]) || IsLower(text[at])) {
      while (at < text.size() && IsUpper(text[at])) ++at;
      while (at < text.size() && IsLower(text[at])) ++at;
    } else if (IsDigit(text[at])) {
      while (at < text.size() && IsDigit(text[at])) ++at;
    } else {
      while (at < text.size() && !IsUpper(text[at]) && !IsLower(text[at]) && !IsDigit(text[at])) ++at;
      tokens.emplace_back();
      continue;
    }
    tokens.push_back(AsciiLower(std::string_view(text).substr(begin, at - begin)));
  }
  std::vector<std::string> kept;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool inner = tokens.size() >= 3 && i > 0 && i + 1 < tokens.size();
    if (!inner || !tokens[i].empty()) kept.push_back(tokens[i]);
  }
  if (!kept.empty() && !kept.front().empty() && IsDigit(kept.front()[0])) kept.insert(kept.begin(), "");
  std::string out;
  for (size_t i = 0; i < kept.size(); ++i) out += (i > 0 ? "_" : "") + kept[i];
  return out;
}

}  // namespace firn::source::airbyte
