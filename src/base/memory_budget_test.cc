#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/random.h"
#include "base/task_group.h"

namespace firn {
namespace {

MemoryBudget::WaitOptions Soon() {
  return {.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5)};
}
MemoryBudget::WaitOptions Patient(std::stop_token stop = {}) {
  return {.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60), .stop = std::move(stop)};
}

TEST(MemoryBudget, CountsAndReleases) {
  MemoryBudget budget(100);
  {
    auto first = budget.TryReserve(60);
    ASSERT_TRUE(first);
    EXPECT_FALSE(budget.TryReserve(41));
    EXPECT_TRUE(first->TryGrow(40));
    EXPECT_FALSE(first->TryGrow(1));
    first->ShrinkTo(10);
    EXPECT_EQ(budget.used_bytes(), 10);
    MemoryBudget::Reservation moved = std::move(*first);
    EXPECT_EQ(budget.used_bytes(), 10);
  }
  EXPECT_EQ(budget.used_bytes(), 0);
  EXPECT_EQ(budget.peak_bytes(), 100);
}

TEST(MemoryBudget, RefusesWhatCanNeverFitAndWhatDoesNotFitInTime) {
  MemoryBudget budget(100);
  EXPECT_EQ(FaultOf(budget.Reserve(101, Patient()).status()), Fault::kConfig);
  auto held = budget.TryReserve(50);
  const Status late = budget.Reserve(51, Soon()).status();
  EXPECT_EQ(FaultOf(late), Fault::kConfig);
  EXPECT_NE(late.message().find("wanted 51 B, used 50 B of 100 B"), std::string::npos) << late.message();
  held->Release();
  EXPECT_TRUE(budget.Reserve(100, Soon()).ok());
}

TEST(MemoryBudget, StopEndsTheWait) {
  MemoryBudget budget(100);
  auto held = budget.TryReserve(100);
  std::stop_source stop;
  Status status;
  std::thread waiter([&] { status = budget.Reserve(1, Patient(stop.get_token())).status(); });
  stop.request_stop();
  waiter.join();
  EXPECT_EQ(FaultOf(status), Fault::kCancelled);
  held->Release();
  EXPECT_EQ(budget.used_bytes(), 0);
}

TEST(MemoryBudget, ManyThreadsNeverExceedTheTotal) {
  const uint64_t seed = ProcessSeed();
  SCOPED_TRACE("FIRN_SEED=" + std::to_string(seed));
  MemoryBudget budget(1'000);
  TaskGroup group;
  for (uint64_t t = 0; t < 4; ++t) {
    group.Spawn([&, t](std::stop_token stop) -> Status {
      Random random(seed + t);
      for (int i = 0; i < 2'000; ++i) {
        const auto bytes = static_cast<int64_t>(random.Below(t == 0 ? 1'001 : 200));
        ARROW_ASSIGN_OR_RAISE(auto held, budget.Reserve(bytes, Patient(stop)));
        if (budget.used_bytes() > 1'000) return MakeError(Fault::kBug, "over the total");
      }
      return Status::OK();
    });
  }
  const Status status = group.Join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(budget.used_bytes(), 0);
  EXPECT_LE(budget.peak_bytes(), 1'000);
}

TEST(BudgetedMemoryPool, CountsTowardTheBudgetAndItsOwnPeak) {
  MemoryBudget budget(1'000);
  BudgetedMemoryPool pool(budget, *arrow::default_memory_pool(), 2'000);
  uint8_t* bytes = nullptr;
  ASSERT_TRUE(pool.Allocate(1'500, &bytes).ok());
  EXPECT_TRUE(budget.over());
  EXPECT_FALSE(budget.TryReserve(1));
  ASSERT_TRUE(pool.Reallocate(1'500, 500, &bytes).ok());
  EXPECT_EQ(budget.free_bytes(), 500);
  EXPECT_TRUE(pool.Reallocate(500, 2'500, &bytes).IsOutOfMemory());
  pool.Free(bytes, 500);
  EXPECT_EQ(budget.used_bytes(), 0);
  EXPECT_EQ(pool.max_memory(), 1'500);
  EXPECT_EQ(pool.bytes_allocated(), 0);
}

}  // namespace
}  // namespace firn
