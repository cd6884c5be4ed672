#include "base/base64.h"

#include <gtest/gtest.h>

namespace firn {
namespace {

TEST(Base64, GivesTheVectorsOfRfc4648) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, OfUrlsHasItsOwnAlphabetAndNoPadding) {
  EXPECT_EQ(Base64("\xfb\xff\xfe\xff"), "+//+/w==");
  EXPECT_EQ(Base64Url("\xfb\xff\xfe\xff"), "-__-_w");
}

}  // namespace
}  // namespace firn
