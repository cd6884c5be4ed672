#include "base/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/status.h"

namespace firn {
namespace {

const EVP_MD* OpenSslDigest(Digest digest) {
  switch (digest) {
    case Digest::kSha1:
      return EVP_sha1();
    case Digest::kSha256:
      return EVP_sha256();
    case Digest::kSha384:
      return EVP_sha384();
    case Digest::kSha512:
      return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

std::string Hmac(Digest digest, std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int size = 0;
  const void* key_bytes = key.empty() ? "" : key.data();  // a null pointer means "reuse the last key" to the library
  FIRN_CHECK(HMAC(OpenSslDigest(digest), key_bytes, static_cast<int>(key.size()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(), &size) != nullptr);
  return std::string(reinterpret_cast<const char*>(out.data()), size);
}

}  // namespace firn
