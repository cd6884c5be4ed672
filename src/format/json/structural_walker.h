#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace firn::format::json {

/// Walking a structural index: `at` points into it, `body[*at]` is the current token's first byte. Behind the last
/// entry stands the body's size, where the body has a zero byte.

/// Nesting at which a record is refused as broken.
inline constexpr int kDepthMax = 1024;

inline bool IsSpace(uint8_t c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}
inline bool IsDigit(uint8_t c) {
  return static_cast<uint8_t>(c - '0') < 10;
}

/// True for a byte that may follow a number or literal.
inline bool EndsScalar(uint8_t c) {
  return c == ',' || c == '}' || c == ']' || IsSpace(c);
}

/// Returns the offset one behind the token that starts at at[0]: whitespace before at[1] is stripped.
inline uint32_t TokenEnd(const uint8_t* body, const uint32_t* at) {
  uint32_t end = at[1];
  while (IsSpace(body[end - 1])) --end;
  return end;
}

/// Returns the token's text, for a string with its quotes.
inline std::string_view TokenText(const uint8_t* body, const uint32_t* at) {
  const uint32_t begin = at[0];
  const uint32_t end = TokenEnd(body, at);
  return {reinterpret_cast<const char*>(body) + begin, end > begin ? end - begin : 0};
}

/// What is wrong with a text and where.
struct SyntaxFault {
  const char* reason = nullptr;
  uint32_t offset = 0;
};

enum class Depth { kBracketsOnly, kFull };

/// Passes over one value and returns the entry behind it, or null with `fault` set.
/// kBracketsOnly checks brackets and commas are not looked at; kFull checks the whole grammar (RFC 8259) but lone
/// surrogates, which are well-formed JSON. `end`: the end of the index.
const uint32_t* SkipValue(const uint8_t* body, const uint32_t* at, const uint32_t* end, Depth depth,
                          SyntaxFault& fault);

/// Checks one scalar token (number, literal or string with valid escapes). `text` as of TokenText.
/// Returns null or the reason.
const char* CheckScalar(std::string_view text);

}  // namespace firn::format::json
