#include "base/clock.h"

#include <gtest/gtest.h>

namespace firn {
namespace {

TEST(ParseTimestamp, ReadsOffsetsAndFractions) {
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:01Z").ValueOrDie().micros, 1'000'000);
  EXPECT_EQ(ParseTimestamp("1970-01-01T01:00:00.5+01:00").ValueOrDie().micros, 500'000);
  EXPECT_EQ(ParseTimestamp("1969-12-31T23:59:59.999999Z").ValueOrDie().micros, -1);
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:00.000000100Z").ok(), false);
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:00.000001000Z").ValueOrDie().micros, 1);
}

TEST(ParseTimestamp, RefusesWhatIsNoTime) {
  for (const char* text : {"", "1970-01-01", "1970-02-30T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:00:00"}) {
    EXPECT_FALSE(ParseTimestamp(text).ok()) << text;
  }
}

TEST(FormatTimestamp, RoundTrips) {
  for (const int64_t micros : {0L, -1L, 1'767'225'600'000'000L, 253'402'300'799'999'999L, -62'135'596'800'000'000L}) {
    EXPECT_EQ(ParseTimestamp(FormatTimestamp({.micros = micros})).ValueOrDie().micros, micros);
  }
}

}  // namespace
}  // namespace firn
