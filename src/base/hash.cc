#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include "base/status.h"

namespace firn {

struct Sha256::Context {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> handle{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  FIRN_CHECK(EVP_DigestInit_ex(context_->handle.get(), EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::string_view bytes) {
  FIRN_CHECK(EVP_DigestUpdate(context_->handle.get(), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  unsigned int size = 0;
  FIRN_CHECK(EVP_DigestFinal_ex(context_->handle.get(), digest.data(), &size) == 1 && size == digest.size());
  return digest;
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  const Sha256Digest digest = hash.Finish();
  return HexOf(digest.data(), digest.size());
}

Sha256Digest HmacSha256(std::string_view key, std::string_view bytes) {
  Sha256Digest digest;
  unsigned int size = 0;
  const char empty = 0;  // a null key pointer means "reuse the last key" to the library
  const void* key_bytes = key.empty() ? &empty : key.data();
  FIRN_CHECK(HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &size) != nullptr);
  FIRN_CHECK(size == digest.size());
  return digest;
}

std::string HmacSha256Hex(std::string_view key, std::string_view bytes) {
  const Sha256Digest digest = HmacSha256(key, bytes);
  return HexOf(digest.data(), digest.size());
}

std::string Hash128::Hex() const {
  uint8_t bytes[16];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<uint8_t>(high >> (8 * (7 - i)));
    bytes[8 + i] = static_cast<uint8_t>(low >> (8 * (7 - i)));
  }
  return HexOf(bytes, sizeof bytes);
}

Hash128 Xxh3(std::string_view bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {.high = hash.high64, .low = hash.low64};
}

std::string HexOf(const uint8_t* bytes, size_t size) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text(2 * size, '0');
  for (size_t i = 0; i < size; ++i) {
    text[2 * i] = kHex[bytes[i] >> 4];
    text[2 * i + 1] = kHex[bytes[i] & 15];
  }
  return text;
}

}  // namespace firn
