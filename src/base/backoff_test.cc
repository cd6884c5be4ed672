#include "base/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace firn {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DelaysAreJitteredAndBoundedByTheDoublingLimit) {
  FakeClock clock;
  Backoff backoff({.base_ms = 100, .delay_ms_max = 1'000, .total_ms = 1'000'000, .seed = 7}, clock);
  int64_t before = 0;
  std::set<int64_t> distinct;
  for (int n = 0; n < 20; ++n) {
    ASSERT_TRUE(backoff.Wait({}).ok());
    const int64_t delay = backoff.waited_ms() - before;
    before = backoff.waited_ms();
    EXPECT_LE(delay, std::min<int64_t>(1'000, 100LL << std::min(n, 10)));
    distinct.insert(delay);
  }
  EXPECT_GT(distinct.size(), 10u);
}

TEST(Backoff, ManyClientsSpreadEvenly) {  // a thousand jobs after a storm: no peak above three times the mean
  constexpr int kBins = 10;
  std::vector<int> bins(kBins);
  for (uint64_t seed = 1; seed <= 1'000; ++seed) {
    FakeClock clock;
    Backoff backoff({.base_ms = 1'000, .seed = seed}, clock);
    ASSERT_TRUE(backoff.Wait({}).ok());
    ++bins[static_cast<size_t>(backoff.waited_ms() * kBins / 1'000)];
  }
  EXPECT_LE(*std::max_element(bins.begin(), bins.end()), 3 * 1'000 / kBins);
  EXPECT_GT(*std::min_element(bins.begin(), bins.end()), 1'000 / kBins / 3);
}

TEST(Backoff, NeverUndercutsTheServersWish) {
  FakeClock clock;
  Backoff backoff({.base_ms = 100, .seed = 1}, clock);
  ASSERT_TRUE(backoff.Wait({}, milliseconds(5'000)).ok());
  EXPECT_GE(backoff.waited_ms(), 5'000);
  EXPECT_LE(backoff.waited_ms(), 5'100);
}

TEST(Backoff, BudgetCoversWaitsAndAttempts) {
  FakeClock clock;
  Backoff backoff({.base_ms = 1, .total_ms = 10'000, .seed = 1}, clock);
  ASSERT_TRUE(backoff.Wait({}).ok());
  clock.Advance(std::chrono::seconds(11));  // a slow attempt
  EXPECT_EQ(FaultOf(backoff.Wait({})), Fault::kUnreachable);
}

TEST(Backoff, AbsurdServerWishIsRefusedWithoutWaiting) {
  FakeClock clock;
  const auto before = clock.Now();
  Backoff backoff({.total_ms = 60'000, .seed = 1}, clock);
  EXPECT_EQ(FaultOf(backoff.Wait({}, std::chrono::hours(24))), Fault::kUnreachable);
  EXPECT_EQ(clock.Now(), before);
}

TEST(Backoff, AttemptsAreLimited) {
  FakeClock clock;
  Backoff backoff({.base_ms = 1, .attempts_max = 3, .seed = 1}, clock);
  EXPECT_TRUE(backoff.Wait({}).ok());
  EXPECT_TRUE(backoff.Wait({}).ok());
  EXPECT_EQ(FaultOf(backoff.Wait({})), Fault::kUnreachable);
}

TEST(Backoff, ScaleChangesTheSleepNotTheCount) {
  FakeClock clock;
  const auto before = clock.Now();
  Backoff backoff({.base_ms = 1, .total_ms = 100'000, .sleep_scale = 0.001, .seed = 1}, clock);
  ASSERT_TRUE(backoff.Wait({}, milliseconds(50'000)).ok());
  EXPECT_LE(clock.Now().micros - before.micros, 60'000);
  EXPECT_GE(backoff.waited_ms(), 50'000);
  EXPECT_EQ(FaultOf(backoff.Wait({}, milliseconds(50'000))), Fault::kUnreachable);
}

TEST(Backoff, StopEndsTheWait) {
  FakeClock clock;
  std::stop_source stop;
  stop.request_stop();
  Backoff backoff({.seed = 1}, clock);
  EXPECT_EQ(FaultOf(backoff.Wait(stop.get_token())), Fault::kCancelled);
}

}  // namespace
}  // namespace firn
