#include "format/csv/encoding.h"

#include <algorithm>
#include <array>
#include <utility>

namespace firn::format::csv {
namespace {

constexpr char kNoCharacter = '\xFF';

// WHATWG Encoding, index windows-1252, bytes 80 to 9F; 0: left open.
constexpr std::array<uint16_t, 32> kWindows1252 = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                   0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                                   0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                   0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

void AppendUtf8(uint32_t c, std::string& out) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xE0 | c >> 12);
    } else {
      put(0xF0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3F));
    }
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

}  // namespace

ByteOrderMark FindByteOrderMark(std::string_view first) {
  if (first.starts_with("\xEF\xBB\xBF")) return {Encoding::kUtf8, 3};
  if (first.starts_with("\xFF\xFE")) return {Encoding::kUtf16Le, 2};
  if (first.starts_with("\xFE\xFF")) return {Encoding::kUtf16Be, 2};
  return {};
}

void Transcoder::Append(std::string_view piece, std::string& out) {
  if (encoding_ == Encoding::kUtf8) {
    out += piece;
    return;
  }
  for (const char c : piece) {
    const auto byte = static_cast<uint8_t>(c);
    if (encoding_ == Encoding::kLatin1 || encoding_ == Encoding::kWindows1252) {
      const bool special = encoding_ == Encoding::kWindows1252 && byte >= 0x80 && byte < 0xA0;
      const uint32_t character = special ? kWindows1252[byte - 0x80] : byte;
      if (special && character == 0) {
        out.push_back(kNoCharacter);
      } else {
        AppendUtf8(character, out);
      }
    } else if (!byte_) {
      byte_ = byte;
    } else {
      const uint8_t first = *std::exchange(byte_, std::nullopt);
      const bool little = encoding_ == Encoding::kUtf16Le;
      Unit(static_cast<uint16_t>(little ? byte << 8 | first : first << 8 | byte), out);
    }
  }
}

void Transcoder::Unit(uint16_t unit, std::string& out) {
  const bool low = unit >= 0xDC00 && unit < 0xE000;
  if (surrogate_) {
    const uint32_t high = *std::exchange(surrogate_, std::nullopt);
    if (low) return AppendUtf8(0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00U), out);
    out.push_back(kNoCharacter);
  }
  if (unit >= 0xD800 && unit < 0xDC00) {
    surrogate_ = unit;
  } else if (low) {
    out.push_back(kNoCharacter);
  } else {
    AppendUtf8(unit, out);
  }
}

void Transcoder::Finish(std::string& out) {
  if (std::exchange(surrogate_, std::nullopt)) out.push_back(kNoCharacter);
  if (std::exchange(byte_, std::nullopt)) out.push_back(kNoCharacter);
}

int64_t SourceBytes(std::string_view text, Encoding encoding) {
  if (encoding == Encoding::kUtf8) return static_cast<int64_t>(text.size());
  const auto characters = std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
  if (encoding == Encoding::kLatin1 || encoding == Encoding::kWindows1252) return characters;
  const auto pairs = std::ranges::count_if(
      text, [](char c) { return static_cast<uint8_t>(c) >= 0xF0 && static_cast<uint8_t>(c) != 0xFF; });
  return 2 * (characters + pairs);
}

}  // namespace firn::format::csv
