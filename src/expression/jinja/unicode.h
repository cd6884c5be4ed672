#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Strings as Python sees them: sequences of code points, with the properties of Unicode 14 (that of Python 3.11).
namespace firn::expression::jinja {

bool IsAscii(std::string_view text);
/// Bytes that are no UTF-8 become U+FFFD. Surrogates pass both ways.
std::u32string Decode(std::string_view text);
void AppendCodePoint(char32_t code, std::string* out);
std::string Encode(std::u32string_view text);
/// The number of code points.
size_t CountCodePoints(std::string_view text);

bool IsPrintable(char32_t code);
bool IsAlphabetic(char32_t code);
bool IsDecimal(char32_t code);
bool IsDigit(char32_t code);
bool IsNumeric(char32_t code);
bool IsWhitespace(char32_t code);
bool IsUpper(char32_t code);
bool IsLower(char32_t code);
inline bool IsAlphanumeric(char32_t code) {
  return IsAlphabetic(code) || IsNumeric(code);
}
/// The value of a decimal digit, 0 to 9. `code` must be decimal.
int DecimalValue(char32_t code);

/// Python's str.upper, str.lower and the title form of a first letter.
std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);
void AppendUpper(char32_t code, std::string* out);
void AppendLower(char32_t code, std::string* out);
void AppendTitle(char32_t code, std::string* out);

}  // namespace firn::expression::jinja
