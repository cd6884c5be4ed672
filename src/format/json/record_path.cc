#include "format/json/record_path.h"

#include "format/json/page.h"
#include "format/json/string_parse.h"
#include "format/json/structural_walker.h"

namespace firn::format::json {
namespace {

constexpr int kAutoLevelsMax = 6;

// Goes to the entry behind the value at `at`; null if it is broken.
const uint32_t* Pass(const uint8_t* body, const uint32_t* at, const uint32_t* end) {
  SyntaxFault fault;
  return SkipValue(body, at, end, Depth::kBracketsOnly, fault);
}

std::string_view KeyInside(const uint8_t* body, const uint32_t* at) {
  const std::string_view text = TokenText(body, at);
  return text.size() >= 2 ? text.substr(1, text.size() - 2) : std::string_view();
}

// Calls `visit(key inside, value entry)` for each member of the object at `at`; stops silently at broken JSON.
template <typename Visit>
void ForEachMember(const uint8_t* body, const uint32_t* at, const uint32_t* end, Visit visit) {
  ++at;
  while (at != end && body[*at] == '"' && end - at > 2 && body[at[1]] == ':') {
    const uint32_t* value = at + 2;
    const uint32_t* after = Pass(body, value, end);
    if (!after) return;
    visit(KeyInside(body, at), value);
    if (after == end || body[*after] != ',') return;
    at = after + 1;
  }
}

class AutoSearch {
 public:
  AutoSearch(const uint8_t* body, const uint32_t* end) : body_(body), end_(end) {}
  void Visit(const uint32_t* at, const std::string& path, int level) {
    ForEachMember(body_, at, end_, [&](std::string_view key, const uint32_t* value) {
      if (key.empty() || key.find_first_of(".\\*") != std::string_view::npos) return;  // no path can say this key
      const std::string child = path.empty() ? std::string(key) : path + "." + std::string(key);
      if (body_[*value] == '[') Count(value, child);
      if (body_[*value] == '{' && level < kAutoLevelsMax) Visit(value, child, level + 1);
    });
  }
  std::optional<std::string> best() const { return best_; }

 private:
  void Count(const uint32_t* at, const std::string& path) {
    size_t num_objects = 0;
    for (++at; at != end_ && body_[*at] != ']';) {
      num_objects += body_[*at] == '{';
      at = Pass(body_, at, end_);
      if (!at) return;
      if (at != end_ && body_[*at] == ',') ++at;
    }
    if (num_objects <= largest_) return;
    largest_ = num_objects;
    best_ = path;
  }

  const uint8_t* body_;
  const uint32_t* end_;
  size_t largest_ = 0;
  std::optional<std::string> best_;
};

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

std::optional<std::string> LargestObjectArray(const uint8_t* body, const uint32_t* at, const uint32_t* end) {
  AutoSearch search(body, end);
  if (at != end && body[*at] == '{') search.Visit(at, "", 1);
  return search.best();
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
