#include "pipeline/tuned_setting.h"

#include <gtest/gtest.h>

#include <vector>

namespace firn::pipeline {
namespace {

// What a server bears, as a stream of loads finds out.
int64_t Load(TunedSetting* setting, int64_t written, int64_t bears, int64_t floor = 1) {
  const int64_t used = setting->For(written);
  setting->Learn(used > bears ? LoadPace::kOverloaded : LoadPace::kClean, written, floor, "");
  return used;
}

TEST(TunedSetting, IsHalvedUntilItIsBorneAndStaysThere) {
  TunedSetting setting;
  std::vector<int64_t> used;
  for (int i = 0; i < 8; ++i) used.push_back(Load(&setting, 1'000, 300));
  EXPECT_EQ(used, (std::vector<int64_t>{1'000, 500, 250, 250, 250, 250, 250, 250}));
}

TEST(TunedSetting, TriesAgainWhatFailedAfterTenCleanLoads) {
  TunedSetting setting;
  int64_t overloads = 0;
  for (int i = 0; i < 100; ++i) overloads += Load(&setting, 1'000, 300) > 300 ? 1 : 0;
  EXPECT_GE(overloads, 8);
  EXPECT_LE(overloads, 12) << "one load in ten is spent on it";
}

TEST(TunedSetting, IsAsWrittenAgainWhenTheServerBearsIt) {
  TunedSetting setting;
  for (int i = 0; i < 5; ++i) Load(&setting, 1'000, 300);
  for (int i = 0; i < 12; ++i) Load(&setting, 1'000, 5'000);
  EXPECT_EQ(setting, TunedSetting()) << "and nothing is remembered";
}

TEST(TunedSetting, NeverGoesAboveWhatIsWrittenOrBelowTheFloor) {
  TunedSetting setting{.value = 800};
  EXPECT_EQ(setting.For(100), 100) << "written anew";
  for (int i = 0; i < 20; ++i) Load(&setting, 100, 0, 25);
  EXPECT_EQ(setting.For(100), 25);
  EXPECT_FALSE(setting.Learn(LoadPace::kOverloaded, 100, 25, "")) << "there is nothing more to do";
}

TEST(TunedSetting, SaysWhatItDid) {
  TunedSetting setting;
  const auto decision = setting.Learn(LoadPace::kOverloaded, 400, 1, "3 of 5 requests timed out");
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->from, 400);
  EXPECT_EQ(decision->to, 200);
  EXPECT_EQ(decision->reason, "3 of 5 requests timed out");
  EXPECT_FALSE(setting.Learn(LoadPace::kUnclear, 400, 1, ""));
  EXPECT_EQ(setting.For(400), 200);
}

}  // namespace
}  // namespace firn::pipeline
