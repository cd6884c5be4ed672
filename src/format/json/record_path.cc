#include "format/json/record_path.h"

#include "format/json/object_members.h"
#include "format/json/page.h"
#include "format/json/string_parse.h"
#include "format/json/structural_walker.h"

namespace firn::format::json {
namespace {

// Goes to the entry behind the value at `at`; null if it is broken.
const uint32_t* Pass(const uint8_t* body, const uint32_t* at, const uint32_t* end) {
  SyntaxFault fault;
  return SkipValue(body, at, end, Depth::kBracketsOnly, fault);
}

}  // namespace

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> segments;
  if (path == "$") return segments;
  if (path.starts_with("$.")) path.remove_prefix(2);
  while (!path.empty()) {
    const size_t dot = path.find('.');
    std::string_view segment = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    int stars = 0;
    for (; segment.ends_with("[*]"); ++stars) segment.remove_suffix(3);
    if (!segment.empty()) segments.emplace_back(segment);
    for (; stars > 0; --stars) segments.emplace_back("*");
  }
  return segments;
}

bool KeyEquals(std::string_view raw, std::string_view key) {
  if (raw.find('\\') == std::string_view::npos) return raw == key;
  std::string plain(raw.size(), '\0');
  size_t size = 0;
  return UnescapeTo(raw, plain.data(), size) == Unescape::kOk && std::string_view(plain).substr(0, size) == key;
}

ValueSpan SpanOf(const uint8_t* body, const uint32_t* at, const uint32_t* after) {
  const uint32_t* last = after - 1;
  const uint8_t c = body[*last];
  return {*at, c == '}' || c == ']' ? *last + 1 : TokenEnd(body, last)};
}

std::optional<ValueSpan> FindPath(const uint8_t* body, const uint32_t* at, const uint32_t* end,
                                  const std::vector<std::string>& path) {
  for (const std::string& segment : path) {
    for (int level = 0; at != end && body[*at] == '[' && level < kDepthMax; ++level) ++at;
    if (at == end || body[*at] != '{') return std::nullopt;
    const uint32_t* found = nullptr;
    ForEachMember(body, at, end, [&](std::string_view key, const uint32_t* value) {
      if (KeyEquals(key, segment)) found = value;
    });
    if (!found) return std::nullopt;
    at = found;
  }
  if (at == end) return std::nullopt;
  const uint32_t* after = Pass(body, at, end);
  if (!after) return std::nullopt;
  return SpanOf(body, at, after);
}

Result<std::string> UnescapeString(std::string_view raw) {
  if (raw.empty() || raw.front() != '"') return std::string(raw);
  if (const char* reason = CheckString(raw)) return MakeError(Fault::kBadData, reason);
  std::string text(raw.size() - 2, '\0');
  size_t size = 0;
  const Unescape result = UnescapeTo(raw.substr(1, raw.size() - 2), text.data(), size);
  if (result != Unescape::kOk) return MakeError(Fault::kBadData, UnescapeText(result));
  text.resize(size);
  return text;
}

}  // namespace firn::format::json
