#include "state/rate_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "io/memory_conditional_store.h"

namespace firn::state {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kUnits = 20;
constexpr int64_t kWindow = kSecond;
constexpr char kLocation[] = "/state/rate/acme.json";

class World;

/// A machine's clocks: its wall clock is wrong by some seconds, its steady clock counts from another moment.
class MachineClock : public Clock {
 public:
  MachineClock(const int64_t& now, int64_t error, int64_t base) : now_(now), error_(error), base_(base) {}
  Timestamp Now() const override { return {.micros = now_ + error_}; }
  std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(now_ + base_));
  }
  Timestamp LogicalNow() const override { return Now(); }
  Status Sleep(std::chrono::milliseconds, std::stop_token) const override { return Status::OK(); }
  int64_t FromSteady(std::chrono::steady_clock::time_point at) const {
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count() - base_;
  }

 private:
  const int64_t& now_;
  const int64_t error_;
  const int64_t base_;
};

/// A store as one machine sees it: each request takes its time, in which the others go on, and an answer may be lost.
class FarStore : public io::ConditionalStore {
 public:
  FarStore(World& world, io::ConditionalStore& inner) : world_(world), inner_(inner) {}
  Result<std::optional<Document>> Read(const std::string& location) override;
  Result<std::string> Put(const std::string& location, std::string_view bytes,
                          const std::optional<std::string>& version) override;

 private:
  World& world_;
  io::ConditionalStore& inner_;
};

/// A process that always has requests to send.
struct Machine {
  Machine(World& world, io::ConditionalStore& shared, const int64_t& now, Random& random, RateNeed of)
      : clock(now, static_cast<int64_t>(random.Below(14 * kSecond)) - 7 * kSecond,
              static_cast<int64_t>(random.Below(1'000 * kSecond))),
        far(world, shared),
        store(far),
        share(clock, store, {.location = kLocation, .units = kUnits, .window = std::chrono::microseconds(kWindow)}),
        need(of) {}

  MachineClock clock;
  FarStore far;
  io::DyingStore store;
  RateShare share;
  RateNeed need;
  int64_t ask_at = 0;
  int64_t renew_at = 0;
  bool is_renewing = false;
  bool is_dead = false;
  int64_t num_sent = 0;
};

class World {
 public:
  explicit World(uint64_t seed) : random(seed) {}

  Machine& Add(RateNeed need) {
    auto& machine = machines.emplace_back(std::make_unique<Machine>(*this, store, now, random, need));
    machine->ask_at = machine->renew_at = now;
    return *machine;
  }

  // What happens until then, in its order. Machines that renew let the others go on meanwhile, up to two deep.
  void RunUntil(int64_t end) {
    for (;;) {
      Machine* next = nullptr;
      for (auto& machine : machines) {
        if (!machine->is_dead && (next == nullptr || EventOf(*machine) < EventOf(*next))) next = machine.get();
      }
      if (next == nullptr || EventOf(*next) > end) break;
      now = std::max(now, EventOf(*next));
      if (MayRenew(*next) && next->renew_at <= now) {
        Renew(*next);
      } else {
        Ask(*next);
      }
    }
    now = std::max(now, end);
  }

  /// The way of a request to the store: mostly short, now and then a tenth of a second.
  void PassTime() {
    RunUntil(now + static_cast<int64_t>(random.Below(random.Below(4) == 0 ? kSecond / 10 : kSecond / 500)));
  }

  /// No window holds more than the units. Returns how many requests there were.
  size_t Judge() {
    std::ranges::sort(sent);
    for (size_t i = kUnits; i < sent.size(); ++i) {
      EXPECT_GE(sent[i] - sent[i - kUnits], kWindow) << "at " << sent[i] << " µs";
      if (sent[i] - sent[i - kUnits] < kWindow) break;
    }
    return sent.size();
  }

  Random random;
  io::MemoryConditionalStore store;
  int64_t now = 1'767'225'600 * kSecond;
  std::vector<std::unique_ptr<Machine>> machines;
  std::vector<int64_t> sent;
  bool loses_answers = false;

 private:
  bool MayRenew(const Machine& machine) const { return !machine.is_renewing && depth_ < 2; }
  int64_t EventOf(const Machine& machine) const {
    return MayRenew(machine) ? std::min(machine.ask_at, machine.renew_at) : machine.ask_at;
  }

  void Renew(Machine& machine) {
    machine.is_renewing = true;
    ++depth_;
    const Status renewed = machine.share.Renew(machine.need);
    --depth_;
    machine.is_renewing = false;
    machine.is_dead = machine.is_dead || machine.store.is_dead();
    machine.renew_at = now + (machine.share.wants_more() || !renewed.ok() ? kSecond : 3 * kSecond);
  }

  void Ask(Machine& machine) {
    const auto place = machine.share.Take();
    if (!place) {
      machine.ask_at = now + kSecond / 20;
    } else if (place->taken) {
      sent.push_back(now);
      ++machine.num_sent;
      machine.ask_at = now + static_cast<int64_t>(random.Below(2'000));
    } else {
      machine.ask_at =
          std::max(now + 1, machine.clock.FromSteady(place->at)) + static_cast<int64_t>(random.Below(1'000));
    }
  }

  int depth_ = 0;
};

Result<std::optional<io::ConditionalStore::Document>> FarStore::Read(const std::string& location) {
  world_.PassTime();
  auto read = inner_.Read(location);
  world_.PassTime();
  return read;
}

Result<std::string> FarStore::Put(const std::string& location, std::string_view bytes,
                                  const std::optional<std::string>& version) {
  world_.PassTime();
  auto put = inner_.Put(location, bytes, version);
  world_.PassTime();
  if (world_.loses_answers && world_.random.Below(20) == 0) return MakeError(Fault::kUnreachable, "no answer");
  return put;
}

// Machines with clocks that differ by up to 14 s, that die at any request to the store or between two, and stand still
// for longer than their claims hold: a thousand times.
TEST(RateShare, HoldsTheRateWhateverDies) {
  constexpr int kKills = 1'000;
  const uint64_t seed = ProcessSeed();
  SCOPED_TRACE("FIRN_SEED=" + std::to_string(seed));
  World world(seed);
  world.loses_answers = true;
  Random& random = world.random;
  for (int kills = 0; kills < kKills;) {
    while (world.machines.size() < 1 + random.Below(6)) {
      world.Add({.wanted = random.Below(4) == 0 ? static_cast<int64_t>(random.Below(kUnits)) : kUnits,
                 .pipelines = 1 + static_cast<int64_t>(random.Below(3)),
                 .background = random.Below(4) == 0});
    }
    world.RunUntil(world.now + static_cast<int64_t>(random.Below(4 * kSecond)));
    Machine& one = *world.machines[random.Below(world.machines.size())];
    switch (random.Below(5)) {
      case 0:
        one.is_dead = true;
        break;
      case 1: {
        const Status ended = one.share.GiveBack();
        one.is_dead = true;
        break;
      }
      case 2: {  // as when a laptop sleeps
        const auto stands_still = static_cast<int64_t>(random.Below(40 * kSecond));
        one.ask_at += stands_still;
        one.renew_at += stands_still;
        world.RunUntil(world.now + stands_still + kSecond);
        break;
      }
      default:
        one.store.DieAt(static_cast<int>(random.Below(4)), random.Below(2) == 0);
    }
    kills += static_cast<int>(std::erase_if(world.machines, [](const auto& machine) { return machine->is_dead; }));
  }
  EXPECT_GT(world.Judge(), 1'000U) << "and requests were sent";
}

TEST(RateShare, UsesNearlyAllOfTheRateOnceAllHaveTheirShare) {
  World world(ProcessSeed());
  for (int i = 0; i < 4; ++i) world.Add({.wanted = kUnits});
  world.RunUntil(world.now + 20 * kSecond);
  const auto before = static_cast<int64_t>(world.sent.size());
  for (auto& machine : world.machines) machine->num_sent = 0;
  world.RunUntil(world.now + 100 * kSecond);
  EXPECT_GE(static_cast<int64_t>(world.Judge()) - before, 97 * kUnits);
  for (auto& machine : world.machines) EXPECT_NEAR(static_cast<double>(machine->num_sent), 25 * kUnits, 2 * kUnits);
}

TEST(RateShare, OneAloneHasAllAtOnce) {
  World world(ProcessSeed());
  world.Add({.wanted = kUnits});
  world.RunUntil(world.now + 2 * kSecond);
  EXPECT_GE(world.Judge(), static_cast<size_t>(kUnits));
}

TEST(RateShare, MoreMachinesThanUnitsTakeTurns) {
  World world(ProcessSeed());
  for (int64_t i = 0; i < 2 * kUnits; ++i) world.Add({.wanted = kUnits});
  world.RunUntil(world.now + 300 * kSecond);
  world.Judge();
  for (auto& machine : world.machines) EXPECT_GT(machine->num_sent, 0);
}

TEST(RateShare, APauseReachesTheOthers) {
  World world(ProcessSeed());
  Machine& one = world.Add({.wanted = kUnits});
  world.Add({.wanted = kUnits});
  world.RunUntil(world.now + 20 * kSecond);
  one.share.Pause(std::chrono::seconds(60));
  one.renew_at = world.now;
  world.RunUntil(world.now + 5 * kSecond);  // until the other has renewed its claim
  const size_t before = world.sent.size();
  world.RunUntil(world.now + 30 * kSecond);
  EXPECT_EQ(world.sent.size(), before);
}

RateShares Shares(std::vector<RateClaim> claims) {
  return {.claims = std::move(claims), .freed = {}, .paused_until = {}};
}

TEST(FairShares, DividesByPipelinesAndGivesOnWhatIsNotWanted) {
  const Timestamp now{.micros = 1'000 * kSecond};
  EXPECT_EQ(FairShares(Shares({{.id = "a", .wanted = 100}, {.id = "b", .wanted = 100, .pipelines = 3}}), 100, now),
            (std::vector<int64_t>{25, 75}));
  EXPECT_EQ(
      FairShares(Shares({{.id = "a", .wanted = 10}, {.id = "b", .wanted = 100}, {.id = "c", .wanted = 100}}), 100, now),
      (std::vector<int64_t>{10, 45, 45}));
}

TEST(FairShares, TheBackgroundGetsWhatIsLeftButNeverNothing) {
  const Timestamp now{.micros = 1'000 * kSecond};
  EXPECT_EQ(FairShares(Shares({{.id = "a", .wanted = 100}, {.id = "b", .wanted = 100, .background = true}}), 100, now),
            (std::vector<int64_t>{95, 5}));
  EXPECT_EQ(FairShares(Shares({{.id = "a", .wanted = 30}, {.id = "b", .wanted = 100, .background = true}}), 100, now),
            (std::vector<int64_t>{30, 70}));
  EXPECT_EQ(FairShares(Shares({{.id = "b", .wanted = 100, .background = true}}), 100, now),
            (std::vector<int64_t>{100}));
}

TEST(FairShares, WhoWaitsComesBeforeWhoHasHadItsTurn) {
  const Timestamp now{.micros = 1'000 * kSecond};
  const Timestamp long_ago{.micros = 900 * kSecond}, just{.micros = 999 * kSecond};
  EXPECT_EQ(FairShares(Shares({{.id = "a", .units = 1, .since = long_ago}, {.id = "b", .since = just}}), 1, now),
            (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(FairShares(Shares({{.id = "a", .units = 1, .since = just}, {.id = "b", .since = long_ago}}), 1, now),
            (std::vector<int64_t>{1, 0}));
}

TEST(RateShares, AreReadAsWritten) {
  const RateShares shares{.claims = {{.id = "a",
                                      .units = 3,
                                      .wanted = 7,
                                      .pipelines = 2,
                                      .background = true,
                                      .since = {.micros = 5},
                                      .expires = {.micros = 9}}},
                          .freed = {.micros = 11},
                          .paused_until = {.micros = 12}};
  const RateShares read = ParseRateShares(kLocation, WriteRateShares(shares)).ValueOrDie();
  EXPECT_EQ(WriteRateShares(read), WriteRateShares(shares));
  EXPECT_EQ(FaultOf(ParseRateShares(kLocation, R"({"version":2})").status()), Fault::kConfig);
  EXPECT_EQ(FaultOf(ParseRateShares(kLocation, "[]").status()), Fault::kBadData);
}

}  // namespace
}  // namespace firn::state
