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

void ReplaceAll(std::string* text, const std::string& what) {
  for (size_t at = text->find(what); at != std::string::npos; at = text->find(what, at + 3)) {
    text->replace(at, what.size(), "***");
  }
}

}  // namespace

bool Redactor::AddSecret(std::string_view value) {
  if (value.size() < kSecretBytesMin) return false;
  std::lock_guard lock(mutex_);
  for (std::string form : {std::string(value), UrlEncoded(value), Base64(value)}) {
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
