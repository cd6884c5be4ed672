#include "source/airbyte/moment.h"

#include <gtest/gtest.h>

#include <string>

namespace firn::source::airbyte {
namespace {

std::string Again(const std::string& text, const std::string& format, const std::string& out) {
  const auto moment = ParseMoment(text, format);
  return moment.ok() ? FormatMoment(*moment, out) : "error";
}

TEST(Moment, KeepsTheOffsetItWasWrittenWith) {
  EXPECT_EQ(Again("2024-03-01T10:00:00+02:00", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%z"),
            "2024-03-01T10:00:00+0200");
  EXPECT_EQ(Again("2024-03-01T10:00:00Z", "%Y-%m-%dT%H:%M:%S%z", "%s"), "1709287200");
}

TEST(Moment, EpochForms) {
  EXPECT_EQ(Again("1709287200", "%s", "%Y-%m-%d %H:%M:%S"), "2024-03-01 10:00:00");
  EXPECT_EQ(Again("1709287200123", "%ms", "%Y-%m-%dT%H:%M:%S.%_msZ"), "2024-03-01T10:00:00.123Z");
  EXPECT_EQ(Again("2024-03-01T10:00:00", "%Y-%m-%dT%H:%M:%S", "%ms"), "1709287200000");
  EXPECT_EQ(Again("1709287200.5", "%s_as_float", "%s_as_float"), "1709287200.5");
}

TEST(Moment, FractionsAndWords) {
  EXPECT_EQ(Again("2024-03-01 10:00:00.12", "%Y-%m-%d %H:%M:%S.%f", "%f"), "120000");
  EXPECT_EQ(Again("01 Mar 2024", "%d %b %Y", "%A %B %j"), "Friday March 061");
}

TEST(Moment, WhatDoesNotMatchIsAnError) {
  EXPECT_EQ(Again("2024-03-01T10:00:00Z", "%Y-%m-%d", "%s"), "error");
  EXPECT_EQ(Again("2024-02-30", "%Y-%m-%d", "%s"), "error");
  EXPECT_EQ(Again("", "%s", "%s"), "error");
}

TEST(Gap, MonthsClipToTheLastDay) {
  const auto month = ParseGap("P1M");
  ASSERT_TRUE(month.ok());
  const auto end = ParseMoment("2024-01-31", "%Y-%m-%d");
  EXPECT_EQ(FormatMoment(*Shift(*end, *month, 1), "%Y-%m-%d"), "2024-02-29");
  EXPECT_EQ(FormatMoment(*Shift(*end, *ParseGap("P1Y"), -1), "%Y-%m-%d"), "2023-01-31");
}

TEST(Gap, ReadsFractionsAndRefusesNonsense) {
  EXPECT_EQ(ParseGap("PT0.000001S")->micros, 1);
  EXPECT_EQ(ParseGap("P1DT2H")->micros, int64_t{26} * 3600 * 1'000'000);
  EXPECT_FALSE(ParseGap("1D").ok());
  EXPECT_FALSE(ParseGap("P1H").ok());
}

TEST(Gap, OutOfTheCalendarIsNothing) {
  const auto end = ParseMoment("9999-12-31", "%Y-%m-%d");
  EXPECT_FALSE(Shift(*end, *ParseGap("P1D"), 1).has_value());
}

}  // namespace
}  // namespace firn::source::airbyte
