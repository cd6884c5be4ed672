#include "format/json/excerpt.h"

#include <algorithm>
#include <cstdint>

namespace firn::format::json {
namespace {

constexpr size_t kExcerptBytesMax = 114;  // with the dots at both ends 120

char Structure(char c) {
  const auto byte = static_cast<uint8_t>(c);
  if (c >= '0' && c <= '9') return '9';
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || byte >= 0x80) return 'x';
  return byte < 0x20 || byte == 0x7F ? ' ' : c;
}

}  // namespace

std::string StructureExcerpt(std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  const size_t begin = offset > kExcerptBytesMax / 2 ? offset - kExcerptBytesMax / 2 : 0;
  const std::string_view part = text.substr(begin, kExcerptBytesMax);
  std::string excerpt = begin > 0 ? "..." : "";
  for (const char c : part) excerpt += Structure(c);
  if (begin + part.size() < text.size()) excerpt += "...";
  return excerpt;
}

}  // namespace firn::format::json
