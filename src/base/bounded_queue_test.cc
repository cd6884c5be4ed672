#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/task_group.h"

namespace firn {
namespace {

TEST(BoundedQueue, EndsOnlyAfterFinish) {
  BoundedQueue<int> queue(100);
  ASSERT_TRUE(queue.Push(1, 10, {}).ok());
  ASSERT_TRUE(queue.Push(2, 10, {}).ok());
  queue.Finish();
  EXPECT_EQ(queue.Pop({}).ValueOrDie(), 1);
  EXPECT_EQ(queue.Pop({}).ValueOrDie(), 2);
  EXPECT_EQ(queue.Pop({}).ValueOrDie(), std::nullopt);
  EXPECT_EQ(queue.Pop({}).ValueOrDie(), std::nullopt);
}

TEST(BoundedQueue, StoppedIsAnErrorEvenWithItemsOrTheEndReached) {
  BoundedQueue<int> queue(100);
  ASSERT_TRUE(queue.Push(1, 10, {}).ok());
  queue.Finish();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(FaultOf(queue.Pop(stop.get_token()).status()), Fault::kCancelled);
  BoundedQueue<int> open(100);
  EXPECT_EQ(FaultOf(open.Push(1, 1, stop.get_token())), Fault::kCancelled);
}

TEST(BoundedQueue, StopWakesAWaitingConsumerAndProducer) {
  BoundedQueue<int> queue(10);
  ASSERT_TRUE(queue.Push(1, 10, {}).ok());
  BoundedQueue<int> empty(10);
  std::stop_source stop;
  Status push;
  Status pop;
  std::thread producer([&] { push = queue.Push(2, 10, stop.get_token()); });
  std::thread consumer([&] { pop = empty.Pop(stop.get_token()).status(); });
  stop.request_stop();
  producer.join();
  consumer.join();
  EXPECT_EQ(FaultOf(push), Fault::kCancelled);
  EXPECT_EQ(FaultOf(pop), Fault::kCancelled);
}

TEST(BoundedQueue, AdmitsAnOversizedItemAlone) {
  BoundedQueue<std::unique_ptr<int>> queue(10);
  ASSERT_TRUE(queue.Push(std::make_unique<int>(1), 1'000, {}).ok());
  std::thread producer([&] { ASSERT_TRUE(queue.Push(std::make_unique<int>(2), 1, {}).ok()); });
  EXPECT_EQ(**queue.Pop({}).ValueOrDie(), 1);
  EXPECT_EQ(**queue.Pop({}).ValueOrDie(), 2);
  producer.join();
  EXPECT_EQ(queue.bytes_peak(), 1'000);  // never both at once
}

TEST(BoundedQueue, ManyProducersAndConsumersLoseNothingAndStayBounded) {
  constexpr int kEach = 5'000;
  BoundedQueue<int> queue(64);
  TaskGroup consumers;
  std::atomic<int64_t> sum{0};
  for (int c = 0; c < 3; ++c) {
    consumers.Spawn([&](std::stop_token stop) -> Status {
      for (;;) {
        ARROW_ASSIGN_OR_RAISE(auto item, queue.Pop(stop));
        if (!item) return Status::OK();
        sum += *item;
      }
    });
  }
  TaskGroup producers;
  for (uint64_t p = 0; p < 3; ++p) {
    producers.Spawn([&queue, p](std::stop_token stop) -> Status {
      Random random(p);
      for (int i = 1; i <= kEach; ++i) {
        ARROW_RETURN_NOT_OK(queue.Push(i, static_cast<int64_t>(random.Below(40)), stop));
      }
      return Status::OK();
    });
  }
  ASSERT_TRUE(producers.Join().ok());
  queue.Finish();
  ASSERT_TRUE(consumers.Join().ok());
  EXPECT_EQ(sum, int64_t{3} * kEach * (kEach + 1) / 2);
  EXPECT_LE(queue.bytes_peak(), 64);
}

}  // namespace
}  // namespace firn
