#pragma once

#include <emmintrin.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace firn::format::json {

/// Copies `size` bytes of a string's inside to `to` and returns true if there was no backslash among them.
/// Reads and writes up to 15 bytes more than `size` (16 for size 0).
inline bool CopyPlain(const uint8_t* from, size_t size, uint8_t* to) {
  const __m128i backslash = _mm_set1_epi8('\\');
  size_t i = 0;
  for (; i + 16 < size; i += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), block);
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(block, backslash)) != 0) return false;
  }
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), block);
  const uint32_t mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, backslash)));
  return (mask & ((1U << (size - i)) - 1)) == 0;
}

/// Checks a string literal with its quotes: escapes are known, \u has four hex digits. Returns null or the reason.
/// Control characters and UTF-8 have been checked by stage 1.
const char* CheckString(std::string_view literal);

enum class Unescape { kOk, kBadEscape, kLoneSurrogate };

/// Decodes the inside of a string literal to `to`, which has room for inside.size() bytes; sets `size`.
/// A decoded string is never longer than its literal.
Unescape UnescapeTo(std::string_view inside, char* to, size_t& size);

const char* UnescapeText(Unescape result);

/// Appends `text` as a JSON string literal with quotes.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace firn::format::json
