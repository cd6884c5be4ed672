#include "config/schedule_forms.h"

#include <gtest/gtest.h>

#include <string>

#include "config/lowering.h"

namespace firn::config {
namespace {

Schedule Of(const std::string& text) {
  const auto schedule = ParseSchedule(text);
  EXPECT_TRUE(schedule) << text;
  return schedule.value_or(Schedule{});
}

TEST(ScheduleForms, CronOfIntervalsThatDivideAnHourOrADay) {
  EXPECT_EQ(*CronOf(Of("every 1m")), "* * * * *");
  EXPECT_EQ(*CronOf(Of("every 15m")), "*/15 * * * *");
  EXPECT_EQ(*CronOf(Of("every 1h")), "0 * * * *");
  EXPECT_EQ(*CronOf(Of("every 6h")), "0 */6 * * *");
  EXPECT_EQ(*CronOf(Of("every 1d")), "0 0 * * *");
  EXPECT_EQ(*CronOf(Of("@weekly")), "0 0 * * 0");
  EXPECT_EQ(*CronOf(Of("5 4 * * mon-fri")), "5 4 * * mon-fri");
  for (const char* uneven : {"every 7m", "every 90m", "every 30s", "every 5h", "every 2d"}) {
    EXPECT_FALSE(CronOf(Of(uneven)).ok()) << uneven;
  }
}

TEST(ScheduleForms, SystemdHasIntervalsAndCalendars) {
  EXPECT_EQ(*SystemdTimerOf(Of("every 7m"), "UTC"), "OnActiveSec=1min\nOnUnitActiveSec=420s\n");
  EXPECT_EQ(*SystemdTimerOf(Of("*/20 3-5 * * *"), "UTC"), "OnCalendar=*-*-* 3..5:0/20:00 UTC\n");
  EXPECT_EQ(*SystemdTimerOf(Of("30 6 * * 1-5"), "Europe/Berlin"),
            "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 6:30:00 Europe/Berlin\n");
  EXPECT_EQ(*SystemdTimerOf(Of("0 0 1 jan,jul *"), "UTC"), "OnCalendar=*-1,7-1 0:0:00 UTC\n");
  EXPECT_EQ(*SystemdTimerOf(Of("0 12 * * 0,6"), "UTC"), "OnCalendar=Sat,Sun *-*-* 12:0:00 UTC\n");
  EXPECT_FALSE(SystemdTimerOf(Of("0 0 13 * fri"), "UTC").ok());  // cron: each 13th, and each Friday
}

TEST(ScheduleForms, EventBridgeHasAQuestionMarkForTheDayThatIsNotMeant) {
  EXPECT_EQ(*EventBridgeOf(Of("every 1h")), "rate(1 hour)");
  EXPECT_EQ(*EventBridgeOf(Of("every 90m")), "rate(90 minutes)");
  EXPECT_EQ(*EventBridgeOf(Of("0 6 * * *")), "cron(0 6 * * ? *)");
  EXPECT_EQ(*EventBridgeOf(Of("0 6 * * 1-5")), "cron(0 6 ? * MON,TUE,WED,THU,FRI *)");
  EXPECT_FALSE(EventBridgeOf(Of("every 30s")).ok());
  EXPECT_FALSE(EventBridgeOf(Of("0 0 13 * fri")).ok());
}

}  // namespace
}  // namespace firn::config
