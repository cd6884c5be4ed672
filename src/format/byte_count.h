#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace firn::format {

/// How often a byte is in a text, 16 bytes at a time.
inline uint64_t CountByte(std::string_view text, char byte) {
  constexpr size_t kBlock = 16, kBlocksMax = 255;  // a byte of the sum holds no more
  const __m128i wanted = _mm_set1_epi8(byte);
  __m128i total = _mm_setzero_si128();
  while (text.size() >= kBlock) {
    const size_t num_blocks = std::min(text.size() / kBlock, kBlocksMax);
    __m128i sums = _mm_setzero_si128();
    for (size_t i = 0; i < num_blocks; ++i) {
      const auto* block = reinterpret_cast<const __m128i*>(text.data() + i * kBlock);
      sums = _mm_sub_epi8(sums, _mm_cmpeq_epi8(_mm_loadu_si128(block), wanted));
    }
    total = _mm_add_epi64(total, _mm_sad_epu8(sums, _mm_setzero_si128()));
    text.remove_prefix(num_blocks * kBlock);
  }
  const auto counted = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(total, _mm_unpackhi_epi64(total, total))));
  return counted + static_cast<uint64_t>(std::count(text.begin(), text.end(), byte));
}

}  // namespace firn::format
