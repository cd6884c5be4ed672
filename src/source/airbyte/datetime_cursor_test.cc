#include "source/airbyte/datetime_cursor.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "connector/airbyte/manifest_yaml.h"

namespace firn::source::airbyte {
namespace {

constexpr char kMonthly[] =
    "{type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', start_datetime: '2024-01-01', "
    "step: P1M, cursor_granularity: P1D";

/// A cursor over a clock that stands at 2024-03-15.
class CursorTest : public ::testing::Test {
 protected:
  CursorTest() : clock_(*ParseTimestamp("2024-03-15T10:20:30Z")) {
    run_.config = EmptyMap();
    run_.clock = &clock_;
  }

  std::unique_ptr<DatetimeCursor> Make(const std::string& yaml, const char* state = "{}") {
    const Component component(*connector::airbyte::ParseManifestYaml(yaml, "m.yaml"), "");
    const auto settings = DatetimeCursorSettings::Make(component, run_);
    EXPECT_TRUE(settings.ok()) << settings.status();
    auto cursor = DatetimeCursor::Make(*settings, *jinja::ParseJson(state), 0, nullptr);
    EXPECT_TRUE(cursor.ok()) << cursor.status();
    return cursor.MoveValueUnsafe();
  }

  // Reads every slice; `record`: the cursor value of the one record in each, none if empty.
  std::string Read(DatetimeCursor& cursor, const std::string& record = "") {
    std::string seen;
    const Status status = cursor.Slices([&](const Slice& slice) -> Status {
      seen += jinja::ToText(slice.Get("start_time")) + ".." + jinja::ToText(slice.Get("end_time")) + " ";
      if (!record.empty()) cursor.Observe(Value::OfMap({{Value::String("at"), Value::String(record)}}), slice);
      return cursor.Close(slice);
    });
    EXPECT_TRUE(status.ok()) << status;
    return seen + jinja::ToJson(cursor.State());
  }

  FakeClock clock_;
  RunContext run_;
};

TEST_F(CursorTest, SlicesEndADayBeforeTheNextAndTheLastAtTheEnd) {
  EXPECT_EQ(Read(*Make(std::string(kMonthly) + "}")),
            R"(2024-01-01..2024-01-31 2024-02-01..2024-02-29 2024-03-01..2024-03-15 {"at":"2024-01-01"})");
}

TEST_F(CursorTest, StateIsTheHighestValueSeen) {
  EXPECT_EQ(Read(*Make(std::string(kMonthly) + "}", R"({"at":"2024-03-01","kept":1})"), "2024-03-10"),
            R"(2024-03-01..2024-03-15 {"at":"2024-03-10","kept":1})");
}

TEST_F(CursorTest, LookbackIsTakenOffTheStateAndClippedToTheStart) {
  EXPECT_EQ(Read(*Make(std::string(kMonthly) + ", lookback_window: P10D}", R"({"at":"2024-03-05"})")),
            R"(2024-02-24..2024-03-15 {"at":"2024-03-05"})");
  EXPECT_EQ(Read(*Make(std::string(kMonthly) + ", lookback_window: P10D}", R"({"at":"2024-01-03"})")).substr(0, 22),
            "2024-01-01..2024-01-31");
}

TEST_F(CursorTest, AStateBeforeTheStartCountsAsTheStart) {
  EXPECT_EQ(Read(*Make(std::string(kMonthly) + "}", R"({"at":"2020-01-01"})")).substr(0, 22), "2024-01-01..2024-01-31");
}

TEST_F(CursorTest, RecordsOutsideOfStateAndEndAreOld) {
  const auto cursor = Make(std::string(kMonthly) + "}", R"({"at":"2024-03-01"})");
  const auto synced = [&](const char* at) {
    return cursor->ShouldBeSynced(Value::OfMap({{Value::String("at"), Value::String(at)}}), {});
  };
  EXPECT_FALSE(synced("2024-02-28"));
  EXPECT_TRUE(synced("2024-03-01"));
  EXPECT_FALSE(synced("2024-03-16"));
  EXPECT_TRUE(synced("no date"));
}

TEST_F(CursorTest, ClampedDaysAndWeeksMoveAlsoFromTheirOwnBounds) {
  const std::string cursor =
      "{type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', start_datetime: '2024-03-11', "
      "cursor_granularity: P1D, ";
  EXPECT_EQ(Read(*Make(cursor + "step: P1D, clamping: {target: DAY}}")).substr(0, 22), "2024-03-12..2024-03-12");
  clock_.Advance(std::chrono::days(10));  // to a Monday, as the start
  EXPECT_EQ(Read(*Make(cursor + "step: P1W, clamping: {target: WEEK, target_details: {weekday: MONDAY}}}")),
            R"(2024-03-11..2024-03-18 {"at":"2024-03-11"})");
}

TEST_F(CursorTest, StepNeedsGranularity) {
  const Component component(*connector::airbyte::ParseManifestYaml(
                                "{type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', "
                                "start_datetime: '2024-01-01', step: P1M}",
                                "m.yaml"),
                            "");
  EXPECT_FALSE(DatetimeCursorSettings::Make(component, run_).ok());
}

}  // namespace
}  // namespace firn::source::airbyte
