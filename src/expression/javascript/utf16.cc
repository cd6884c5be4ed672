#include "expression/javascript/utf16.h"

#include "expression/jinja/unicode.h"

namespace firn::expression::javascript {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool IsHigh(char32_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool IsLow(char32_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

}  // namespace

std::u16string ToUtf16(std::string_view text) {
  if (jinja::IsAscii(text)) return Widen(text);
  std::u16string out;
  out.reserve(text.size());
  for (const char32_t code : jinja::Decode(text)) AppendCodePoint(code, &out);
  return out;
}

std::string ToUtf8(std::u16string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t code = NextCodePoint(text, &at);
    jinja::AppendCodePoint(IsHigh(code) || IsLow(code) ? kReplacement : code, &out);
  }
  return out;
}

void AppendCodePoint(char32_t code, std::u16string* out) {
  if (code < 0x10000) {
    out->push_back(static_cast<char16_t>(code));
  } else {
    out->push_back(static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10)));
    out->push_back(static_cast<char16_t>(0xDC00 + ((code - 0x10000) & 0x3FF)));
  }
}

char32_t NextCodePoint(std::u16string_view text, size_t* at) {
  const char32_t unit = text[(*at)++];
  if (!IsHigh(unit) || *at >= text.size() || !IsLow(text[*at])) return unit;
  return 0x10000 + ((unit - 0xD800) << 10) + (char32_t{text[(*at)++]} - 0xDC00);
}

bool IsSpace(char32_t code) {
  return (code >= 9 && code <= 13) || code == ' ' || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
         code == 0x3000 || code == 0xFEFF;
}

std::u16string_view TrimSpace(std::u16string_view text, bool start, bool end) {
  while (start && !text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (end && !text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// The case of a letter is the same in Python and JavaScript; lone surrogates have none, so U+FFFD must not replace
// them.
static std::u16string ChangeCase(std::u16string_view text, std::string (*change)(std::string_view)) {
  std::u16string out;
  std::string run;  // between lone surrogates
  const auto flush = [&] {
    for (const char32_t code : jinja::Decode(change(run))) AppendCodePoint(code, &out);
    run.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const char32_t code = NextCodePoint(text, &at);
    if (IsHigh(code) || IsLow(code)) {
      flush();
      out.push_back(static_cast<char16_t>(code));
    } else {
      jinja::AppendCodePoint(code, &run);
    }
  }
  flush();
  return out;
}

std::u16string ToUpper(std::u16string_view text) {
  return ChangeCase(text, jinja::ToUpper);
}
std::u16string ToLower(std::u16string_view text) {
  return ChangeCase(text, jinja::ToLower);
}

}  // namespace firn::expression::javascript
