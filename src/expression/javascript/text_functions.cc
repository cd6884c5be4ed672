// encodeURIComponent, btoa and their opposites.
#include <array>

#include "expression/javascript/builtins.h"
#include "expression/javascript/utf16.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::javascript {
namespace {

constexpr std::string_view kAlphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kUnreserved = "-_.!~*'()";
constexpr std::string_view kReserved = ";/?:@&=+$,#";
constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Result<Value> Encode(const Call& call, std::string_view kept) {
  ARROW_ASSIGN_OR_RAISE(const Value given, call.Text(0));
  std::u16string out;
  const std::u16string& text = given.as_string();
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, text.size() * 6));
  for (size_t at = 0; at < text.size();) {
    const char32_t code = NextCodePoint(text, &at);
    const char narrow = static_cast<char>(code);
    const auto in = [&](std::string_view set) { return code < 128 && set.find(narrow) != std::string_view::npos; };
    if (in(kAlphanumeric) || in(kUnreserved) || in(kept)) {
      out += static_cast<char16_t>(code);
      continue;
    }
    if (code >= 0xD800 && code < 0xE000) return call.TypeError("half of a surrogate pair cannot be encoded");
    std::string bytes;
    jinja::AppendCodePoint(code, &bytes);
    for (const char byte : bytes) {
      out += u'%';
      out += static_cast<char16_t>(kHex[static_cast<uint8_t>(byte) >> 4]);
      out += static_cast<char16_t>(kHex[static_cast<uint8_t>(byte) & 15]);
    }
  }
  return call.String(std::move(out));
}

Result<Value> EncodeComponent(const Call& call) {
  return Encode(call, "");
}
Result<Value> EncodeUri(const Call& call) {
  return Encode(call, kReserved);
}

int HexDigit(char16_t unit) {
  const size_t digit =
      unit < 128 ? kHex.find(static_cast<char>(unit >= 'a' ? unit - 32 : unit)) : std::string_view::npos;
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

// The byte of a "%XX" at `at`, or -1.
int EscapedByte(std::u16string_view text, size_t at) {
  if (at + 2 >= text.size() || text[at] != '%') return -1;
  const int high = HexDigit(text[at + 1]);
  const int low = HexDigit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Result<Value> Decode(const Call& call, std::string_view kept) {
  ARROW_ASSIGN_OR_RAISE(const Value given, call.Text(0));
  const std::u16string& text = given.as_string();
  std::u16string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '%') {
      out += text[at++];
      continue;
    }
    const int first = EscapedByte(text, at);
    if (first < 0) return call.TypeError("a % without two hexadecimal digits");
    std::string bytes(1, static_cast<char>(first));
    const size_t begin = at;
    at += 3;
    const size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    for (; bytes.size() < length; at += 3) {
      const int next = EscapedByte(text, at);
      if (next < 0) return call.TypeError("the escapes are not UTF-8");
      bytes += static_cast<char>(next);
    }
    const std::u32string decoded = jinja::Decode(bytes);
    std::string again;
    for (const char32_t code : decoded) jinja::AppendCodePoint(code, &again);
    if (decoded.size() != 1 || again != bytes || (decoded[0] >= 0xD800 && decoded[0] < 0xE000)) {
      return call.TypeError("the escapes are not UTF-8");
    }
    if (length == 1 && kept.find(bytes[0]) != std::string_view::npos) {
      out += text.substr(begin, 3);
    } else {
      AppendCodePoint(decoded[0], &out);
    }
  }
  return call.String(std::move(out));
}

Result<Value> DecodeComponent(const Call& call) {
  return Decode(call, "");
}
Result<Value> DecodeUri(const Call& call) {
  return Decode(call, kReserved);
}

Result<Value> ToBase64(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value given, call.Text(0));
  const std::u16string& text = given.as_string();
  std::u16string out;
  for (size_t at = 0; at < text.size(); at += 3) {
    const size_t count = std::min<size_t>(3, text.size() - at);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      const char16_t unit = i < count ? text[at + i] : u'\0';
      if (unit > 0xFF) return call.TypeError("btoa takes characters up to U+00FF only");
      bits = bits << 8 | unit;
    }
    for (size_t i = 0; i < 4; ++i) {
      out += i <= count ? static_cast<char16_t>(kBase64[bits >> (18 - 6 * i) & 63]) : u'=';
    }
  }
  return call.String(std::move(out));
}

Result<Value> FromBase64(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value given, call.Text(0));
  std::string digits;
  for (const char16_t unit : given.as_string()) {
    if (unit == ' ' || unit == '\t' || unit == '\n' || unit == '\f' || unit == '\r') continue;
    digits += unit < 128 ? static_cast<char>(unit) : '?';
  }
  if (digits.size() % 4 == 0 && digits.ends_with('=')) digits.resize(digits.size() - (digits.ends_with("==") ? 2 : 1));
  std::u16string out;
  uint32_t bits = 0;
  size_t num_bits = 0;
  for (const char digit : digits) {
    const size_t value = kBase64.find(digit);
    if (value == std::string_view::npos) return call.TypeError("the text is not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    num_bits += 6;
    if (num_bits >= 8) {
      num_bits -= 8;
      out += static_cast<char16_t>(bits >> num_bits & 0xFF);
    }
  }
  if (digits.size() % 4 == 1) return call.TypeError("the text is not base64");
  return call.String(std::move(out));
}

constexpr Builtin kFunctions[] = {
    {"atob", FromBase64},     {"btoa", ToBase64},
    {"decodeURI", DecodeUri}, {"decodeURIComponent", DecodeComponent},
    {"encodeURI", EncodeUri}, {"encodeURIComponent", EncodeComponent},
};

}  // namespace

Builtins TextFunctions() {
  return kFunctions;
}

}  // namespace firn::expression::javascript
