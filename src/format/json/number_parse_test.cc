#include "format/json/number_parse.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cstring>
#include <random>
#include <string>

#include "format/json/string_parse.h"
#include "format/json/time_parse.h"

namespace firn::format::json {
namespace {

Number Parse(std::string_view text) {
  Number number;
  EXPECT_TRUE(ParseNumber(text, number)) << text;
  return number;
}

TEST(NumberParse, FollowsTheGrammar) {
  Number number;
  for (const char* good : {"0", "-0", "10", "-1.5", "1e5", "1E+5", "0.0e-00", "123456789012345678901234567890"}) {
    EXPECT_TRUE(ParseNumber(good, number)) << good;
  }
  for (const char* bad :
       {"", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1 ", "--1", "1.2.3", "NaN", "Infinity"}) {
    EXPECT_FALSE(ParseNumber(bad, number)) << bad;
  }
}

TEST(NumberParse, IntegersEndAtTheirLimits) {
  EXPECT_EQ(ToInt64(Parse("9223372036854775807")), INT64_MAX);
  EXPECT_EQ(ToInt64(Parse("-9223372036854775808")), INT64_MIN);
  EXPECT_EQ(ToInt64(Parse("9223372036854775808")), std::nullopt);
  EXPECT_EQ(ToInt64(Parse("-9223372036854775809")), std::nullopt);
  EXPECT_EQ(ToInt64(Parse("18446744073709551617")), std::nullopt);  // 2^64 + 1 must not wrap
  EXPECT_EQ(ToInt64(Parse("1.0")), std::nullopt);
}

TEST(NumberParse, DoublesAreTheSourceNumber) {
  EXPECT_EQ(ToExactDouble(Parse("0.1")), 0.1);
  EXPECT_EQ(ToExactDouble(Parse("5e-324")), 5e-324);
  EXPECT_EQ(ToExactDouble(Parse("1.7976931348623157e308")), 1.7976931348623157e308);
  EXPECT_EQ(ToExactDouble(Parse("9007199254740993.0")), std::nullopt);
  EXPECT_EQ(ToExactDouble(Parse("0.10000000000000001")), std::nullopt);
  EXPECT_EQ(ToExactDouble(Parse("0.1000000000000000000000000000000000000000000000000000")), 0.1);
  EXPECT_EQ(ToExactDouble(Parse("1e400")), std::nullopt);
  EXPECT_EQ(ToExactDouble(Parse("1e-400")), std::nullopt);
  EXPECT_EQ(ToExactDouble(Parse("0e999999999999")), 0.0);
  EXPECT_EQ(ToExactDouble(Parse("1e999999999999999999999")), std::nullopt);
  EXPECT_EQ(ToExactFloat(Parse("0.5")), 0.5F);
  EXPECT_EQ(ToExactFloat(Parse("0.1")), std::nullopt);
}

TEST(NumberParse, EveryShortestTextComesBack) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    double value;
    const uint64_t bits = random();
    std::memcpy(&value, &bits, 8);
    if (value != value || value - value != 0) continue;
    char text[64];
    const auto end = std::to_chars(text, text + 60, value, std::chars_format::scientific).ptr;
    const auto read = ToExactDouble(Parse({text, static_cast<size_t>(end - text)}));
    ASSERT_TRUE(read.has_value()) << std::string(text, end);
    ASSERT_EQ(std::memcmp(&*read, &value, 8), 0) << std::string(text, end);
  }
}

TEST(NumberParse, DecimalsKeepEveryDigit) {
  int32_t precision = 0;
  EXPECT_EQ(static_cast<int64_t>(*ToDecimal(Parse("12.50"), 2, precision)), 1250);
  EXPECT_EQ(precision, 4);
  EXPECT_EQ(static_cast<int64_t>(*ToDecimal(Parse("-0.001e1"), 2, precision)), -1);
  EXPECT_FALSE(ToDecimal(Parse("0.125"), 2, precision));
  EXPECT_TRUE(ToDecimal(Parse("99999999999999999999999999999999999999"), 0, precision));
  EXPECT_EQ(precision, 38);
  EXPECT_FALSE(ToDecimal(Parse("100000000000000000000000000000000000000"), 0, precision));
  EXPECT_FALSE(ToDecimal(Parse("1e100"), 0, precision));
  EXPECT_TRUE(ToDecimal(Parse("0e100"), 0, precision));
}

TEST(StringParse, CopiesAndFindsBackslashes) {
  uint8_t from[128] = {}, to[128];
  for (size_t size = 0; size < 80; ++size) {
    std::memset(from, 'a', sizeof from);
    from[size] = '\\';  // just behind
    EXPECT_TRUE(CopyPlain(from, size, to)) << size;
    EXPECT_EQ(std::memcmp(from, to, size), 0);
    for (size_t at = 0; at < size; ++at) {
      std::memset(from, 'a', sizeof from);
      from[at] = '\\';
      EXPECT_FALSE(CopyPlain(from, size, to)) << size << " " << at;
    }
  }
}

TEST(TimeParse, LosesNothing) {
  EXPECT_EQ(ParseDate("1970-01-01"), 0);
  EXPECT_EQ(ParseDate("2000-02-29"), 11016);
  EXPECT_EQ(ParseDate("1900-02-29"), std::nullopt);
  EXPECT_EQ(ParseDate("0001-01-01"), -719162);
  EXPECT_EQ(ParseDate("0000-01-01"), std::nullopt);
  EXPECT_EQ(ParseDate("2024-1-01"), std::nullopt);
  EXPECT_EQ(ParseTimestampText("1970-01-01T00:00:01.000001Z")->micros, 1'000'001);
  EXPECT_EQ(ParseTimestampText("1970-01-01T00:00:01.0000010Z")->micros, 1'000'001);
  EXPECT_FALSE(ParseTimestampText("1970-01-01T00:00:01.0000001Z"));
  EXPECT_EQ(ParseTimestampText("1970-01-01T01:00:00+01:00")->micros, 0);
  EXPECT_FALSE(ParseTimestampText("1970-01-01T00:00:00")->has_offset);
  for (const char* bad : {"1970-01-01T24:00:00Z", "1970-01-01T23:59:60Z", "1970-01-01T00:00Z", "1970-01-01T00:00:00 Z",
                          "1970-01-01T00:00:00.", "1970-01-01T00:00:00+1:00", "0001-01-01T00:00:00+01:00"}) {
    EXPECT_FALSE(ParseTimestampText(bad)) << bad;
  }
  EXPECT_EQ(ParseDotnetTime("/Date(1518685950940+0000)/"), 1'518'685'950'940'000);
  EXPECT_EQ(ParseDotnetTime("\\/Date(1518685950940-0730)\\/"), 1'518'685'950'940'000);
  EXPECT_EQ(ParseDotnetTime("/Date(-86400000)/"), -86'400'000'000);
  for (const char* none : {"", "/Date()/", "/Date(1)", "Date(1)/", "/Date(1+00)/", "/Date(1+0000/", "/Date(1x)/",
                           "/Date(999999999999999999)/", "/Date(", "\\"}) {
    EXPECT_FALSE(ParseDotnetTime(none)) << none;
  }
  EXPECT_EQ(ParseWithPattern("31/01/1970 05", "%d/%m/%Y %H")->micros, (30 * 24 + 5) * 3'600'000'000LL);
}

}  // namespace
}  // namespace firn::format::json
