#include "format/json/string_parse.h"

namespace firn::format::json {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Returns the 16-bit unit of four hex digits at text[at], or -1.
int32_t HexUnit(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int32_t unit = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

size_t PutUtf8(uint32_t code, char* to) {
  if (code < 0x80) {
    to[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    to[0] = static_cast<char>(0xC0 | (code >> 6));
    to[1] = static_cast<char>(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    to[0] = static_cast<char>(0xE0 | (code >> 12));
    to[1] = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    to[2] = static_cast<char>(0x80 | (code & 0x3F));
    return 3;
  }
  to[0] = static_cast<char>(0xF0 | (code >> 18));
  to[1] = static_cast<char>(0x80 | ((code >> 12) & 0x3F));
  to[2] = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
  to[3] = static_cast<char>(0x80 | (code & 0x3F));
  return 4;
}

char SimpleEscape(char c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '/':
      return '/';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

// Decodes the \u escape whose digits start at `at`; moves `at` behind it (and its partner).
Unescape DecodeUnit(std::string_view inside, size_t& at, uint32_t& code) {
  const int32_t unit = HexUnit(inside, at);
  if (unit < 0) return Unescape::kBadEscape;
  at += 4;
  code = static_cast<uint32_t>(unit);
  if (unit < 0xD800 || unit > 0xDFFF) return Unescape::kOk;
  if (unit > 0xDBFF || inside.substr(at, 2) != "\\u") return Unescape::kLoneSurrogate;
  const int32_t low = HexUnit(inside, at + 2);
  if (low < 0) return Unescape::kBadEscape;
  if (low < 0xDC00 || low > 0xDFFF) return Unescape::kLoneSurrogate;
  at += 6;
  code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<uint32_t>(low) - 0xDC00);
  return Unescape::kOk;
}

}  // namespace

const char* CheckString(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != '"' || literal.back() != '"') return "string without closing quote";
  const std::string_view inside = literal.substr(1, literal.size() - 2);
  for (size_t at = inside.find('\\'); at != std::string_view::npos; at = inside.find('\\', at)) {
    if (at + 1 >= inside.size()) return "broken escape";
    if (inside[at + 1] == 'u') {
      if (HexUnit(inside, at + 2) < 0) return "broken \\u escape";
      at += 6;
    } else {
      if (SimpleEscape(inside[at + 1]) == 0) return "unknown escape";
      at += 2;
    }
  }
  return nullptr;
}

Unescape UnescapeTo(std::string_view inside, char* to, size_t& size) {
  char* const start = to;
  size_t at = 0;
  while (at < inside.size()) {
    size_t next = inside.find('\\', at);
    if (next == std::string_view::npos) next = inside.size();
    std::memcpy(to, inside.data() + at, next - at);
    to += next - at;
    at = next + 1;
    if (next == inside.size()) break;
    if (at >= inside.size()) return Unescape::kBadEscape;
    const char c = inside[at++];
    if (c == 'u') {
      uint32_t code = 0;
      const Unescape result = DecodeUnit(inside, at, code);
      if (result != Unescape::kOk) return result;
      to += PutUtf8(code, to);
    } else {
      const char plain = SimpleEscape(c);
      if (plain == 0) return Unescape::kBadEscape;
      *to++ = plain;
    }
  }
  size = static_cast<size_t>(to - start);
  return Unescape::kOk;
}

const char* UnescapeText(Unescape result) {
  switch (result) {
    case Unescape::kOk:
      return "";
    case Unescape::kBadEscape:
      return "broken escape in a string";
    case Unescape::kLoneSurrogate:
      return "lone surrogate in a string: it has no UTF-8 form";
  }
  return "";
}

void AppendJsonString(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace firn::format::json
