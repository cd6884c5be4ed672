#include "base/ascii.h"

#include <gtest/gtest.h>

namespace firn {
namespace {

TEST(AsciiLower, ChangesAsciiLettersAlone) {
  EXPECT_EQ(AsciiLower("ABC xyz @[`{ 019"), "abc xyz @[`{ 019");
  EXPECT_EQ(AsciiLower("ÄÖ İ"), "ÄÖ İ");
  EXPECT_EQ(AsciiLower('Z'), 'z');
}

}  // namespace
}  // namespace firn
