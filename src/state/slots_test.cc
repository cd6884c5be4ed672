#include "state/slots.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>

#include "base/random.h"
#include "io/local_file_store.h"
#include "io/memory_conditional_store.h"
#include "io/temporary_folder.h"

namespace firn::state {
namespace {

using std::chrono::seconds;

constexpr int kSlots = 3;
constexpr int kKills = 1'000;
const SlotName kAccount{.name = "pool-acme", .count = kSlots};

int NumFree(Leases& leases) {
  std::vector<std::unique_ptr<HeldLease>> held;
  for (;;) {
    auto slot = TryAcquireSlot(leases, kAccount, "last");
    EXPECT_TRUE(slot.ok()) << slot.status();
    if (!slot.ok() || *slot == nullptr) return static_cast<int>(held.size());
    held.push_back(*std::move(slot));
  }
}

TEST(Slots, LetsInAsManyAsThereAreAndSaysWhoTheyAre) {
  const FakeClock clock;
  const io::TemporaryFolder folder;
  const auto leases = MakeLocalLeases(clock, folder.path());
  auto one = TryAcquireSlot(*leases, {.name = "a", .count = 2}, "run-1");
  auto other = TryAcquireSlot(*leases, {.name = "a", .count = 2}, "run-2");
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_EQ(*TryAcquireSlot(*leases, {.name = "a", .count = 2}, "run-3"), nullptr);
  const auto holders = FindSlotHolders(*leases, {.name = "a", .count = 2}).ValueOrDie();
  ASSERT_EQ(holders.size(), 2U);
  EXPECT_EQ(holders[0].run_id, "run-1");
  EXPECT_EQ(holders[1].run_id, "run-2");
  one->reset();
  EXPECT_NE(*TryAcquireSlot(*leases, {.name = "a", .count = 2}, "run-3"), nullptr);
  EXPECT_NE(*TryAcquireSlot(*leases, {.name = "b", .count = 1}, "run-3"), nullptr);
}

/// What the holders and their judge see of each other.
struct Board {
  std::array<std::atomic<int>, kSlots> holders;           // number of the process that is in, from 1 on
  std::array<std::atomic<bool>, kKills + 100> condemned;  // by number; set before the kill
  std::atomic<int64_t> num_turns;
  std::atomic<int64_t> num_shared;  // a slot was found with a holder who lives
};

// Takes turns until it is killed. Which slot it has says the order in which they are tried: the first that is free.
[[noreturn]] void TakeTurns(const std::string& folder, int number, Board& board) {
  const FakeClock clock;
  const auto leases = MakeLocalLeases(clock, folder);
  for (;;) {
    for (int i = 0; i < kSlots; ++i) {
      auto held = leases->Acquire("pool-acme-" + std::to_string(i + 1), "run");
      if (!held.ok()) continue;
      const int before = board.holders[static_cast<size_t>(i)].exchange(number);
      if (before != 0 && !board.condemned[static_cast<size_t>(before)]) ++board.num_shared;
      ++board.num_turns;
      ::sched_yield();
      board.holders[static_cast<size_t>(i)] = 0;
    }
  }
}

// Real processes, killed at any moment: nobody gets in beside a holder who lives, and nothing is left of the dead.
TEST(Slots, HoldersThatAreKilledLeaveNothingBehind) {
  const uint64_t seed = ProcessSeed();
  SCOPED_TRACE("FIRN_SEED=" + std::to_string(seed));
  Random random(seed);
  const io::TemporaryFolder folder;
  void* shared = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Board& board = *new (shared) Board();
  std::vector<std::pair<int, pid_t>> holders;
  int number = 0;
  const auto kill = [&](size_t at) {
    board.condemned[static_cast<size_t>(holders[at].first)] = true;
    ::kill(holders[at].second, SIGKILL);
    ASSERT_EQ(::waitpid(holders[at].second, nullptr, 0), holders[at].second);
    holders.erase(holders.begin() + static_cast<ptrdiff_t>(at));
  };
  for (int kills = 0; kills < kKills; ++kills) {
    while (holders.size() < kSlots + 2) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      ++number;
      if (child == 0) TakeTurns(folder.path(), number, board);
      holders.emplace_back(number, child);
    }
    const int64_t turns = board.num_turns + 1 + static_cast<int64_t>(random.Below(8));
    while (board.num_turns < turns) ::sched_yield();
    kill(random.Below(holders.size()));
  }
  while (!holders.empty()) kill(0);
  EXPECT_EQ(board.num_shared, 0);
  const FakeClock clock;
  const auto leases = MakeLocalLeases(clock, folder.path());
  EXPECT_EQ(NumFree(*leases), kSlots) << "the kernel gives back what the dead held";
  ::munmap(shared, sizeof(Board));
}

/// Time moves by Advance alone: nobody renews a lease.
class StillClock : public FakeClock {
 public:
  Status Sleep(std::chrono::milliseconds, std::stop_token stop) const override {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any stopped;
    stopped.wait(lock, stop, [] { return false; });
    return MakeError(Fault::kCancelled, "stopped");
  }
};

/// A machine that takes slots and dies at some request to the store.
class Machine {
 public:
  Machine(const StillClock& clock, io::ConditionalStore& store, io::FileStore& files, const std::string& folder)
      : store_(store), leases_(MakeStoredLeases(clock, store_, files, {.folder = folder})) {}
  void Act(Random& random) {
    if (random.Below(3) == 0) store_.DieAt(static_cast<int>(random.Below(6)), random.Below(2) == 0);
    if (held_ != nullptr) {
      held_.reset();
      return;
    }
    auto slot = TryAcquireSlot(*leases_, kAccount, "run");
    if (slot.ok()) held_ = *std::move(slot);
  }
  bool is_dead() { return store_.is_dead(); }
  bool holds() { return held_ != nullptr && held_->Check().ok(); }

 private:
  io::DyingStore store_;
  const std::unique_ptr<Leases> leases_;
  std::unique_ptr<HeldLease> held_;
};

// Machines whose processes die at every request to the store: what they held is free after its lifetime, not before.
TEST(Slots, MachinesThatDieNeverLetTooManyIn) {
  const uint64_t seed = ProcessSeed();
  SCOPED_TRACE("FIRN_SEED=" + std::to_string(seed));
  Random random(seed);
  StillClock clock;
  io::MemoryConditionalStore store;
  const auto files = io::MakeLocalFileStore();
  const io::TemporaryFolder folder;
  std::vector<std::unique_ptr<Machine>> machines(kSlots + 3);
  int64_t num_full = 0;
  for (int kills = 0; kills < kKills;) {
    auto& machine = machines[random.Below(machines.size())];
    if (machine == nullptr) machine = std::make_unique<Machine>(clock, store, *files, folder.path());
    machine->Act(random);
    const auto holding = std::ranges::count_if(machines, [](auto& each) { return each != nullptr && each->holds(); });
    ASSERT_LE(holding, kSlots) << "after " << kills << " kills";
    if (holding == kSlots) ++num_full;
    if (machine->is_dead()) {
      machine.reset();
      ++kills;
    }
    clock.Advance(seconds(random.Below(20)));
  }
  EXPECT_GT(num_full, 0) << "all slots were held at some time";
  machines.clear();
  clock.Advance(seconds(60 + 15 + 1));
  const auto leases = MakeStoredLeases(clock, store, *files, {.folder = folder.path()});
  EXPECT_EQ(NumFree(*leases), kSlots) << "no slot is lost for longer than its lifetime";
}

}  // namespace
}  // namespace firn::state
