#pragma once

#include <string>
#include <string_view>

/// Strings as JavaScript sees them: sequences of 16-bit units.
namespace firn::expression::javascript {

/// Bytes that are no UTF-8 become U+FFFD.
std::u16string ToUtf16(std::string_view text);
/// Lone surrogates become U+FFFD.
std::string ToUtf8(std::u16string_view text);

/// Appends a code point as one or two units.
void AppendCodePoint(char32_t code, std::u16string* out);
/// Returns the code point that begins at `at` (a lone surrogate is itself) and moves `at` behind it.
char32_t NextCodePoint(std::u16string_view text, size_t* at);

/// ECMAScript's WhiteSpace and LineTerminator, what trim() removes.
bool IsSpace(char32_t code);
std::u16string_view TrimSpace(std::u16string_view text, bool start, bool end);

std::u16string ToUpper(std::u16string_view text);
std::u16string ToLower(std::u16string_view text);

/// ASCII text as units.
inline std::u16string Widen(std::string_view ascii) {
  return std::u16string(ascii.begin(), ascii.end());
}

}  // namespace firn::expression::javascript
