#include "base/redactor.h"

#include <algorithm>

namespace firn {
namespace {

std::string UrlEncoded(std::string_view value) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                       byte == '-' || byte == '_' || byte == '.' || byte == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string Base64(std::string_view value) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  size_t at = 0;
  for (; at + 2 < value.size(); at += 3) {
    const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(value[at + i])); };
    const uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (int shift = 18; shift >= 0; shift -= 6) out += kAlphabet[bits >> shift & 63];
  }
  return out;  // the last, padded group depends on what follows the secret and is left out on purpose
}

// Length in bytes of the code point that the text begins with, 0 if it begins with none.
size_t CodePointBytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t size = first < 0x80 ? 1 : (first >> 5) == 6 ? 2 : (first >> 4) == 14 ? 3 : (first >> 3) == 30 ? 4 : 0;
  return size <= text.size() ? size : 0;
}

void AppendHex4(uint32_t unit, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  *out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) *out += kHex[unit >> shift & 15];
}

// A code point of several bytes as one or two UTF-16 units.
void AppendEscape(std::string_view bytes, std::string* out) {
  uint32_t point = static_cast<unsigned char>(bytes[0]) & (0xFFu >> (bytes.size() + 1));
  for (const char c : bytes.substr(1)) point = point << 6 | (static_cast<unsigned char>(c) & 0x3F);
  if (point < 0x10000) return AppendHex4(point, out);
  AppendHex4(0xD800 + ((point - 0x10000) >> 10), out);
  AppendHex4(0xDC00 + ((point - 0x10000) & 0x3FF), out);
}

// As a string literal holds it: of JSON with `"`, of Python with `'`. `ascii`: with \u for all beyond ASCII.
std::string Escaped(std::string_view value, char quote, bool ascii) {
  std::string out;
  for (size_t at = 0; at < value.size();) {
    const char c = value[at];
    const size_t bytes = std::max<size_t>(CodePointBytes(value.substr(at)), 1);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n' || c == '\t' || c == '\r') {
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    } else if (bytes > 1 && ascii) {
      AppendEscape(value.substr(at, bytes), &out);
    } else {
      out += value.substr(at, bytes);
    }
    at += bytes;
  }
  return out;
}

void ReplaceAll(std::string* text, const std::string& what) {
  for (size_t at = text->find(what); at != std::string::npos; at = text->find(what, at + 3)) {
    text->replace(at, what.size(), "***");
  }
}

}  // namespace

bool Redactor::AddSecret(std::string_view value) {
  if (value.size() < kSecretBytesMin) return false;
  std::lock_guard lock(mutex_);
  for (std::string form : {std::string(value), UrlEncoded(value), Base64(value), Escaped(value, '"', false),
                           Escaped(value, '"', true), Escaped(value, '\'', false)}) {
    const bool known = std::find(secrets_.begin(), secrets_.end(), form) != secrets_.end();
    if (form.size() >= kSecretBytesMin && !known) secrets_.push_back(std::move(form));
  }
  std::sort(secrets_.begin(), secrets_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return true;
}

std::string Redactor::Redact(std::string_view text) const {
  std::string out(text);
  std::lock_guard lock(mutex_);
  for (const std::string& secret : secrets_) ReplaceAll(&out, secret);
  return out;
}

Redactor& ProcessRedactor() {
  static Redactor redactor;
  return redactor;
}

}  // namespace firn
