#include "table/index/key_hash.h"

#include <bit>
#include <cstring>

namespace firn::table::index {

namespace {

static_assert(std::endian::native == std::endian::little);

struct SipState {
  uint64_t v0, v1, v2, v3;

  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  void Take(uint64_t word) {
    v3 ^= word;
    Rounds(2);
    v0 ^= word;
  }
  uint64_t Folded() const { return v0 ^ v1 ^ v2 ^ v3; }
};

uint64_t Load(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace

KeyHash SipHash128(const HashSecret& secret, std::string_view bytes) {
  const uint64_t k0 = Load(reinterpret_cast<const char*>(secret.data()));
  const uint64_t k1 = Load(reinterpret_cast<const char*>(secret.data()) + 8);
  SipState state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261,
                 k1 ^ 0x7465646279746573};
  const size_t whole = bytes.size() & ~size_t{7};
  for (size_t i = 0; i < whole; i += 8) state.Take(Load(bytes.data() + i));
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  for (size_t i = whole; i < bytes.size(); ++i) {
    last |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * (i - whole));
  }
  state.Take(last);
  state.v2 ^= 0xee;
  state.Rounds(4);
  KeyHash hash{.high = state.Folded()};
  state.v1 ^= 0xdd;
  state.Rounds(4);
  hash.low = state.Folded();
  return hash;
}

}  // namespace firn::table::index
