#include "base/hash.h"

#include <gtest/gtest.h>

namespace firn {
namespace {

// FIPS 180-2, appendix B.1 and B.2.
TEST(Hash, Sha256OfTheStandardsExamples) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, Sha256InPiecesIsTheSame) {
  Sha256 hash;
  hash.Update("ab");
  hash.Update("");
  hash.Update("c");
  const Sha256Digest digest = hash.Finish();
  EXPECT_EQ(HexOf(digest.data(), digest.size()), Sha256Hex("abc"));
}

// RFC 4231, test cases 1 and 2.
TEST(Hash, HmacSha256OfTheRfc) {
  EXPECT_EQ(HmacSha256Hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HmacSha256Hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HmacSha256Hex("", ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// Printed by: printf '' | xxhsum -H2 (0.8.1)
TEST(Hash, Xxh3OfNothingIsTheLibrarysConstant) {
  EXPECT_EQ(Xxh3("").Hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(Xxh3("a"), Xxh3("b"));
  EXPECT_NE(Xxh3("a", 1), Xxh3("a", 2));
}

}  // namespace
}  // namespace firn
