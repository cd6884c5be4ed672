#include "io/buffer_recycler.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace firn::io {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

TEST(BufferRecycler, GivesOutAgainWhatNobodyRefersTo) {
  const auto recycler = BufferRecycler::Make({});
  auto first = *recycler->Take(5 * kMiB);
  const uint8_t* const at = first->data();
  const auto second = *recycler->Take(5 * kMiB);
  EXPECT_NE(second->data(), at);  // the first is in use
  std::shared_ptr<arrow::Buffer> share = first;
  first.reset();
  EXPECT_NE((*recycler->Take(5 * kMiB))->data(), at);  // it still is
  ASSERT_TRUE(static_cast<arrow::ResizableBuffer&>(*share).Resize(100, /*shrink_to_fit=*/false).ok());
  share.reset();
  const auto again = *recycler->Take(5 * kMiB);
  EXPECT_GE(again->size(), 5 * kMiB);
  std::memset(again->mutable_data(), 1, static_cast<size_t>(again->size()));
}

TEST(BufferRecycler, KeepsNoMoreThanItMay) {
  arrow::MemoryPool& pool = *arrow::default_memory_pool();
  const int64_t before = pool.bytes_allocated();
  const auto recycler = BufferRecycler::Make({.buffers_max = 3, .bytes_max = 2 * kMiB, .pool = &pool});
  for (int i = 0; i < 2; ++i) {
    std::vector<std::shared_ptr<arrow::ResizableBuffer>> many;
    for (int k = 0; k < 10; ++k) many.push_back(*recycler->Take(kMiB / 2));
    many.push_back(*recycler->Take(3 * kMiB));
  }
  EXPECT_LE(pool.bytes_allocated() - before, 2 * kMiB + 4096);
  EXPECT_GT(pool.bytes_allocated() - before, kMiB);
}

TEST(BufferRecycler, DoesNotGiveALargeBufferForASmallOne) {
  const auto recycler = BufferRecycler::Make({});
  {
    const auto large = *recycler->Take(3 * kMiB);
  }
  EXPECT_LT((*recycler->Take(1000))->capacity(), kMiB);
}

TEST(BufferRecycler, BuffersOutliveItsOwnerOnAnyThread) {
  auto recycler = BufferRecycler::Make({});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([held = *recycler->Take(kMiB), share = recycler]() mutable {
      for (int k = 0; k < 200; ++k) {
        held = *share->Take(kMiB);
        std::memset(held->mutable_data(), k, 64);
        EXPECT_EQ(held->data()[63], k % 256);
      }
    });
  }
  recycler.reset();
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace firn::io
