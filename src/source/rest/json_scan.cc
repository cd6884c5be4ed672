#include "source/rest/json_scan.h"

#include <algorithm>
#include <cstdint>

namespace firn::source::rest {

size_t SkipString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

size_t SkipSpace(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

size_t SkipValue(std::string_view text, size_t at) {
  int64_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth < 0 || (depth == 0 && c == ',')) return at;
    ++at;
  }
  return at;
}

size_t BeginOfBody(std::string_view body) {
  return SkipSpace(body, body.starts_with("\xEF\xBB\xBF") ? 3 : 0);
}

std::optional<std::string_view> FindMember(std::string_view body, std::string_view path) {
  std::string_view text = body;
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view wanted = path.substr(0, dot);
    std::optional<std::string_view> found;
    ScanMembers(text, [&](std::string_view key, size_t at) {
      if (key == wanted) found = text.substr(at, SkipValue(text, at) - at);
      return !found;
    });
    if (!found || dot == std::string_view::npos) return found;
    text = *found;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace firn::source::rest
