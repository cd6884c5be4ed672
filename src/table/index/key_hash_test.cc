#include "table/index/key_hash.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstring>
#include <string>

#include "base/random.h"
#include "base/status.h"

namespace firn::table::index {
namespace {

std::string BytesOf(const KeyHash& hash) {
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &hash.high, 8);
  std::memcpy(bytes.data() + 8, &hash.low, 8);
  return bytes;
}

// The same by OpenSSL.
std::string Oracle(const HashSecret& secret, const std::string& text) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  unsigned int size = 16;
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
  std::string out(16, '\0');
  size_t written = 0;
  FIRN_CHECK(EVP_MAC_init(context, secret.data(), secret.size(), params) == 1);
  FIRN_CHECK(EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
  FIRN_CHECK(EVP_MAC_final(context, reinterpret_cast<unsigned char*>(out.data()), &written, out.size()) == 1);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return out;
}

TEST(SipHash, GivesTheVectorsOfTheReference) {
  HashSecret secret;
  for (size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<uint8_t>(i);
  // vectors_sip128 of the reference implementation: inputs of length 0 and 1.
  const std::string empty = BytesOf(SipHash128(secret, ""));
  EXPECT_EQ(HexOf(reinterpret_cast<const uint8_t*>(empty.data()), 16), "a3817f04ba25a8e66df67214c7550293");
  const std::string zero = BytesOf(SipHash128(secret, std::string(1, '\0')));
  EXPECT_EQ(HexOf(reinterpret_cast<const uint8_t*>(zero.data()), 16), "da87c1d86b99af44347659119b22fc45");
}

TEST(SipHash, AgreesWithOpenSslAtEveryLength) {
  Random random(7);
  for (size_t length = 0; length < 200; ++length) {
    HashSecret secret;
    for (uint8_t& byte : secret) byte = static_cast<uint8_t>(random.Next());
    std::string text(length, '\0');
    for (char& byte : text) byte = static_cast<char>(random.Next());
    ASSERT_EQ(BytesOf(SipHash128(secret, text)), Oracle(secret, text)) << "length " << length;
  }
}

}  // namespace
}  // namespace firn::table::index
