#include "base/uuid.h"

#include <algorithm>

#include "base/hash.h"

namespace firn {
namespace {

// RFC 9562 §4.1, §4.2: four bits of version in octet 6, the variant 10 in octet 8.
Uuid Stamp(Uuid uuid, uint8_t version) {
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | version << 4);
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

bool IsDash(size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string Uuid::ToString() const {
  std::string text = HexOf(bytes.data(), bytes.size());
  for (const size_t at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

Uuid MakeUuid4() {
  Uuid uuid;
  FillRandom(uuid.bytes);
  return Stamp(uuid, 4);
}

Uuid MakeUuid4(Random& random) {
  Uuid uuid;
  for (size_t half = 0; half < 16; half += 8) {
    const uint64_t word = random.Next();
    for (size_t i = 0; i < 8; ++i) uuid.bytes[half + i] = static_cast<uint8_t>(word >> (8 * i));
  }
  return Stamp(uuid, 4);
}

Uuid MakeUuid7(const Clock& clock) {
  Uuid uuid;
  FillRandom(uuid.bytes);
  const int64_t millis = clock.Now().micros / 1'000;
  for (size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<uint8_t>(millis >> (8 * (5 - i)));
  return Stamp(uuid, 7);
}

Result<Uuid> ParseUuid(std::string_view text) {
  const Status malformed = MakeError(Fault::kBadData, "not a UUID of 36 characters");
  if (text.size() != 36) return malformed;
  Uuid uuid;
  size_t nibble = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (IsDash(at)) {
      if (text[at] != '-') return malformed;
      continue;
    }
    const int value = HexValue(text[at]);
    if (value < 0) return malformed;
    uint8_t& byte = uuid.bytes[nibble / 2];
    byte = static_cast<uint8_t>(nibble % 2 == 0 ? value << 4 : byte | value);
    ++nibble;
  }
  return uuid;
}

}  // namespace firn
