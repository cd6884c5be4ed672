#include "config/text_position.h"

#include <algorithm>
#include <cstdint>

namespace firn::config {
namespace {

constexpr size_t kShownCodePointsMax = 60;

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

// Format: RFC 3629, section 4 (well-formed byte sequences).
size_t CodePointBytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : lead >= 0xE0 && lead <= 0xEF ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  if (lead == 0xE0 && at(1) < 0xA0) return 0;
  if (lead == 0xED && at(1) > 0x9F) return 0;
  if (lead == 0xF0 && at(1) < 0x90) return 0;
  if (lead == 0xF4 && at(1) > 0x8F) return 0;
  return length;
}

std::optional<BadByte> FindBadByte(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0) return BadByte{at, "the file holds a NUL character"};
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
      return BadByte{at,
                     std::string("the file holds a control character (0x") + kHex[byte >> 4] + kHex[byte & 15] + ")"};
    }
    const size_t length = CodePointBytes(text.substr(at));
    if (length == 0) return BadByte{at, "the file is not valid UTF-8"};
    at += length;
  }
  return std::nullopt;
}

size_t NumCodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

Span PointAtByte(const std::shared_ptr<const SourceFile>& file, size_t offset) {
  const std::string_view before = std::string_view(file->text).substr(0, std::min(offset, file->text.size()));
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto line = static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const auto column = static_cast<uint32_t>(NumCodePoints(before.substr(line_start))) + 1;
  return {.file = file, .line = line, .column = column, .end_line = line, .end_column = column};
}

std::string_view LineOf(const SourceFile& file, uint32_t line) {
  std::string_view rest = file.text;
  for (uint32_t at = 1; at < line; ++at) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

bool IndentedByTab(const SourceFile& file, uint32_t line) {
  const std::string_view text = LineOf(file, line);
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

std::string Shown(std::string_view text) {
  std::string out;
  size_t num_shown = 0;
  while (!text.empty()) {
    if (num_shown++ == kShownCodePointsMax) return out + "…";
    const size_t length = CodePointBytes(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0 || first < 0x20 || first == 0x7F) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace firn::config
