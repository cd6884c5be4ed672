#include "io/shared_rate_bucket.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "io/rate_budget.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong = std::chrono::hours(1);

class SharedRateBucketTest : public ::testing::Test {
 protected:
  std::unique_ptr<SharedRateBucket> Make(double per_second = 10) {
    return SharedRateBucket::Make(path_, per_second, clock_, 1.0);
  }
  TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/state/rate/api.example";
  FakeClock clock_;
};

TEST_F(SharedRateBucketTest, SpacesTheRequestsOfAllWhoShareTheFile) {
  const auto one = Make(), other = Make();
  EXPECT_EQ(one->Take({}, kLong, {}).ValueOrDie().wait.count(), 0);
  EXPECT_EQ(other->Take({}, kLong, {}).ValueOrDie().wait.count(), 100);
  EXPECT_EQ(one->Take({}, kLong, {}).ValueOrDie().wait.count(), 200);
  clock_.Advance(std::chrono::seconds(10));
  EXPECT_EQ(other->Take({}, kLong, {}).ValueOrDie().wait.count(), 0);
  EXPECT_EQ(one->Take({}, kLong, {}).ValueOrDie().wait.count(), 100) << "no burst after a time without requests";
}

TEST_F(SharedRateBucketTest, APauseHoldsForAll) {
  const auto one = Make(), other = Make();
  ASSERT_TRUE(one->Pause(std::chrono::seconds(30), {}).ok());
  EXPECT_EQ(other->Take({}, kLong, {}).ValueOrDie().wait.count(), 30'000);
}

TEST_F(SharedRateBucketTest, AWaitThatIsTooLongTakesNoPlace) {
  const auto bucket = Make(0.1);
  EXPECT_EQ(bucket->Take({}, kLong, {}).ValueOrDie().wait.count(), 0);
  const auto refused = bucket->Take({}, std::chrono::seconds(5), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(FaultOf(refused.status()), Fault::kUnreachable);
  EXPECT_EQ(bucket->Take({}, kLong, {}).ValueOrDie().wait.count(), 10'000);
}

TEST_F(SharedRateBucketTest, ADamagedFileOrAClockSetBackBeginsAnew) {
  const auto bucket = Make();
  EXPECT_TRUE(bucket->Take({}, kLong, {}).ok());
  std::ofstream(path_) << "nonsense";
  EXPECT_EQ(bucket->Take({}, kLong, {}).ValueOrDie().wait.count(), 0);
  std::ofstream(path_) << "firn-rate 1 99999999999999999 0\n";
  EXPECT_EQ(bucket->Take({}, kLong, {}).ValueOrDie().wait.count(), 0);
}

// Real processes: together they keep the rate of one.
TEST_F(SharedRateBucketTest, ProcessesShareOneRate) {
  constexpr int kProcesses = 4;
  constexpr int kEach = 5;
  constexpr double kPerSecond = 100;
  const auto clock = MakeSystemClock().ValueOrDie();
  const auto begin = clock->Steady();
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto bucket = SharedRateBucket::Make(path_, kPerSecond, *clock, 1.0);
      bool ok = true;
      for (int n = 0; n < kEach; ++n) {
        const auto wait = bucket->Take({}, kLong, {});
        ok = ok && wait.ok() && clock->Sleep(wait->wait, {}).ok();
      }
      ::_exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const double seconds = std::chrono::duration<double>(clock->Steady() - begin).count();
  EXPECT_GE(seconds, (kProcesses * kEach - 1) / kPerSecond);
}

// A clock that stands still.
class StillClock : public FakeClock {
 public:
  Status Sleep(milliseconds, std::stop_token) const override {
    std::this_thread::yield();
    return Status::OK();
  }
};

// The n-th place of all lies n intervals away: one that is given twice shows, one that is lost with its holder is a
// gap.
TEST_F(SharedRateBucketTest, HoldersThatAreKilledGiveNoPlaceTwice) {
  constexpr int kKills = 1'000;
  constexpr int kAtOnce = 4;
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  const StillClock clock;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::set<int64_t> places;
  int64_t num_places = 0;
  const auto take_in = [&](int count) {
    for (int64_t place = 0; count > 0 && ::read(ends[0], &place, sizeof place) == sizeof place; --count, ++num_places) {
      places.insert(place);
    }
  };
  std::vector<pid_t> holders;
  for (int kills = 0; kills < kKills;) {
    while (holders.size() < kAtOnce) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        const auto bucket = SharedRateBucket::Make(path_, 1'000, clock, 1.0);
        for (;;) {
          const auto wait = bucket->Take({}, kLong, {});
          if (!wait.ok()) continue;  // locked, and this clock does not really wait
          const int64_t place = wait->wait.count();
          if (::write(ends[1], &place, sizeof place) != sizeof place) ::_exit(1);
        }
      }
      holders.push_back(child);
    }
    take_in(1 + static_cast<int>(random() % 8));
    const size_t chosen = random() % holders.size();
    ASSERT_EQ(::kill(holders[chosen], SIGKILL), 0);
    ASSERT_EQ(::waitpid(holders[chosen], nullptr, 0), holders[chosen]);
    holders.erase(holders.begin() + static_cast<ptrdiff_t>(chosen));
    ++kills;
  }
  for (const pid_t holder : holders) {
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
  }
  ::close(ends[1]);
  take_in(std::numeric_limits<int>::max());
  ::close(ends[0]);
  EXPECT_EQ(static_cast<int64_t>(places.size()), num_places) << "a place was given twice";
  EXPECT_GE(*places.rbegin() + 1, num_places);
  EXPECT_LE(*places.rbegin() + 1, num_places + kKills + kAtOnce) << "each kill loses at most one place";
}

TEST_F(SharedRateBucketTest, BudgetsOfOneCredentialUseTheFile) {
  const RateLimits limits{.requests_per_second = 1};
  RateBudgets one(clock_, 1.0, ShareByFiles(folder_.path() + "/rate", clock_, 1.0)),
      other(clock_, 1.0, ShareByFiles(folder_.path() + "/rate", clock_, 1.0));
  int64_t waited = 0;
  EXPECT_TRUE(one.For("api.example:443", "c", limits).Acquire({}, {}, kLong, &waited).ok());
  EXPECT_EQ(waited, 0);
  EXPECT_TRUE(other.For("api.example:443", "c", limits).Acquire({}, {}, kLong, &waited).ok());
  EXPECT_EQ(waited, 1'008) << "127/128 of the rate";
  EXPECT_TRUE(other.For("api.example:443", "another", limits).Acquire({}, {}, kLong, &waited).ok());
  EXPECT_EQ(waited, 1'008);
  one.For("api.example:443", "c", limits).Pause(std::chrono::seconds(9));
  waited = 0;
  EXPECT_TRUE(other.For("api.example:443", "c", limits).Acquire({}, {}, kLong, &waited).ok());
  EXPECT_EQ(waited, 9'000);
}

// A clock whose first sleep ends late.
class LateClock : public FakeClock {
 public:
  Status Sleep(milliseconds delay, std::stop_token stop) const override {
    const bool late = num_sleeps_++ == 0;
    return FakeClock::Sleep(delay + (late ? milliseconds(700) : milliseconds(0)), stop);
  }

 private:
  mutable int num_sleeps_ = 0;
};

TEST_F(SharedRateBucketTest, WhoComesLateToItsPlaceTakesAnother) {
  const LateClock clock;
  RateBudgets budgets(clock, 1.0, ShareByFiles(folder_.path() + "/rate", clock, 1.0));
  RateBudget& budget = budgets.For("api.example:443", "c", {.requests_per_second = 1});
  EXPECT_TRUE(budget.Acquire({}, {}, kLong).ok());
  int64_t waited = 0;
  EXPECT_TRUE(budget.Acquire({}, {}, kLong, &waited).ok());
  EXPECT_EQ(waited, 1'008 + 308) << "the place after the one that was missed";
}

/// Pipelines that always have a request to send, on one clock: each stands in line with as many requests as it may.
class Crowd {
 public:
  Crowd(SharedRateBucket& bucket, FakeClock& clock) : bucket_(bucket), clock_(clock) {}
  void Add(RateClaimant claimant, int in_line) {
    for (int i = 0; i < in_line; ++i) waiting_.push_back({.claimant = claimant, .at = clock_.Now().micros});
  }
  /// Requests sent until `end`, by pipeline.
  std::map<std::string, int> RunUntil(Timestamp end) {
    std::map<std::string, int> sent;
    for (;;) {
      // Who was in line first asks again first, but the background last: as late as a thread may be.
      Waiting& next = *std::ranges::min_element(
          waiting_, {}, [](const Waiting& each) { return each.at + (each.claimant.background ? 1'000 : 0); });
      if (next.at > end.micros) return sent;
      clock_.Advance(std::chrono::microseconds(std::max<int64_t>(0, next.at - clock_.Now().micros)));
      if (next.has_place) ++sent[next.claimant.pipeline];
      const RatePlace place = bucket_.Take(next.claimant, kLong, {}).ValueOrDie();
      next.at = clock_.Now().micros + place.wait.count() * 1'000;
      next.has_place = place.taken;
    }
  }

 private:
  struct Waiting {
    RateClaimant claimant;
    int64_t at = 0;
    bool has_place = false;
  };
  SharedRateBucket& bucket_;
  FakeClock& clock_;
  std::vector<Waiting> waiting_;
};

TEST_F(SharedRateBucketTest, PipelinesInLineTakeTurns) {
  const auto bucket = Make(100);
  Crowd crowd(*bucket, clock_);
  for (const char* name : {"shop", "crm", "ads"}) crowd.Add({.pipeline = name}, 1);
  auto sent = crowd.RunUntil({.micros = clock_.Now().micros + 10'000'000});
  EXPECT_NEAR(sent["shop"], 333, 2);
  EXPECT_NEAR(sent["crm"], 333, 2);
  EXPECT_NEAR(sent["ads"], 333, 2);
}

TEST_F(SharedRateBucketTest, TheBackgroundGivesWayButIsNotStarved) {
  const auto bucket = Make(100);
  Crowd crowd(*bucket, clock_);
  crowd.Add({.pipeline = "old", .background = true}, 4);
  auto alone = crowd.RunUntil({.micros = clock_.Now().micros + 10'000'000});
  EXPECT_NEAR(alone["old"], 1'000, 5) << "nobody else waits: all of the rate";
  crowd.Add({.pipeline = "live"}, 2);
  auto both = crowd.RunUntil({.micros = clock_.Now().micros + 10'000'000});
  EXPECT_NEAR(both["old"], 50, 6) << "one in twenty";
  EXPECT_NEAR(both["live"] + both["old"], 1'000, 5) << "no place is lost";
}

// Real threads: eight of one pipeline and one of another, which would have a ninth of the places and gets half.
TEST_F(SharedRateBucketTest, TheThreadsOfAPipelineAreOneInLine) {
  const auto clock = MakeSystemClock().ValueOrDie();
  RateBudgets budgets(*clock, 1.0, ShareByFiles(folder_.path() + "/rate", *clock, 1.0));
  RateBudget& budget = budgets.For("api.example:443", "c", {.requests_per_second = 100, .concurrency_max = 4});
  std::atomic<int> many{0}, few{0};
  {
    std::vector<std::jthread> threads;
    const auto ask = [&](const char* pipeline, std::atomic<int>* sent) {
      while (many + few < 100) {
        if (budget.Acquire({.pipeline = pipeline}, {}, kLong).ok()) ++*sent;
      }
    };
    for (int i = 0; i < 8; ++i) threads.emplace_back(ask, "many", &many);
    threads.emplace_back(ask, "few", &few);
  }
  EXPECT_GT(few, 33) << "of " << many + few;
}

}  // namespace
}  // namespace firn::io
