#include "source/rest/errors.h"

#include <algorithm>
#include <cctype>

namespace firn::source::rest {
namespace {

constexpr size_t kKeysShownMax = 20;
constexpr size_t kKeyBytesMax = 40;

// Passes over a string that begins at `at` (on its quote); returns the place after the closing quote.
size_t SkipString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

size_t SkipSpace(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

// Passes over one value; returns the place after it.
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

KeyShape::Shape ShapeAt(std::string_view text, size_t at) {
  if (at >= text.size()) return KeyShape::Shape::kScalar;
  if (text[at] == '{') return KeyShape::Shape::kObject;
  if (text[at] != '[') return KeyShape::Shape::kScalar;
  const size_t next = SkipSpace(text, at + 1);
  return next < text.size() && text[next] == ']' ? KeyShape::Shape::kEmptyArray : KeyShape::Shape::kArray;
}

// Names of fields are structure; names that hold an address, a number or a long text are data.
std::string ShownKey(const std::string& key) {
  const bool name = !key.empty() && key.size() <= kKeyBytesMax &&
                    std::isdigit(static_cast<unsigned char>(key[0])) == 0 &&
                    std::all_of(key.begin(), key.end(), [](char c) {
                      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '$';
                    });
  if (name) return key;
  std::string shape = key.substr(0, kKeyBytesMax);
  for (char& c : shape) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) c = '9';
    if (std::isalpha(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80) c = 'x';
  }
  return shape;
}

}  // namespace

Status NamedError(Named named) {
  return MakeError(named.fault, std::move(named.message),
                   {.code = std::move(named.code),
                    .where = std::move(named.where),
                    .why = std::move(named.why),
                    .next = std::move(named.next)});
}

std::vector<KeyShape> TopLevelKeys(std::string_view body, size_t count_max) {
  std::vector<KeyShape> keys;
  size_t at = SkipSpace(body, body.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0);
  if (at >= body.size() || body[at] != '{') return keys;
  ++at;
  while (keys.size() < count_max) {
    at = SkipSpace(body, at);
    if (at >= body.size() || body[at] != '"') return keys;
    const size_t end = SkipString(body, at);
    std::string key(body.substr(at + 1, end > at + 2 ? end - at - 2 : 0));
    at = SkipSpace(body, end);
    if (at >= body.size() || body[at] != ':') return keys;
    at = SkipSpace(body, at + 1);
    keys.push_back({.key = std::move(key), .shape = ShapeAt(body, at)});
    at = SkipSpace(body, SkipValue(body, at));
    if (at >= body.size() || body[at] != ',') return keys;
    ++at;
  }
  return keys;
}

std::string DescribeKeys(std::string_view body) {
  const auto keys = TopLevelKeys(body, kKeysShownMax + 1);
  const size_t first = SkipSpace(body, 0);
  if (first < body.size() && body[first] == '[') return "the body is an array";
  if (keys.empty()) return "the body is no object with keys";
  std::string out = "keys seen: ";
  for (size_t i = 0; i < std::min(keys.size(), kKeysShownMax); ++i) out += (i > 0 ? ", " : "") + ShownKey(keys[i].key);
  return keys.size() > kKeysShownMax ? out + ", …" : out;
}

}  // namespace firn::source::rest
