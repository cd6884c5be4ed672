#include "base/hmac.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace firn {
namespace {

std::string HexHmac(Digest digest, std::string_view key, std::string_view bytes) {
  const std::string out = Hmac(digest, key, bytes);
  return HexOf(reinterpret_cast<const uint8_t*>(out.data()), out.size());
}

// RFC 2202 §3 and RFC 4231 §4.3, test case 2.
TEST(Hmac, GivesTheVectorsOfTheRfcs) {
  const std::string text = "what do ya want for nothing?";
  EXPECT_EQ(HexHmac(Digest::kSha1, "Jefe", text), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(HexHmac(Digest::kSha256, "Jefe", text), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexHmac(Digest::kSha384, "Jefe", text),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
  EXPECT_EQ(
      HexHmac(Digest::kSha512, "Jefe", text),
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b"
      "636e070a38bce737");
}

TEST(Hmac, AnEmptyKeyIsAKey) {
  EXPECT_EQ(HexHmac(Digest::kSha256, "", "x"), HmacSha256Hex("", "x"));
}

}  // namespace
}  // namespace firn
