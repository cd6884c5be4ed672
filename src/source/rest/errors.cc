#include "source/rest/errors.h"

#include <algorithm>
#include <cctype>

#include "source/rest/json_scan.h"

namespace firn::source::rest {
namespace {

constexpr size_t kKeysShownMax = 20;
constexpr size_t kKeyBytesMax = 40;

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
  ScanMembers(body, [&](std::string_view key, size_t at) {
    keys.push_back({.key = std::string(key), .shape = ShapeAt(body, at)});
    return keys.size() < count_max;
  });
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
