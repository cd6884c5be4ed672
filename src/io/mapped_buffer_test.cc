#include "io/mapped_buffer.h"

#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <cstring>

namespace firn::io {
namespace {

TEST(MappedBuffer, KeepsItsBytesWhileItGrowsAndShrinks) {
  auto made = MappedBuffer::Make(10);
  ASSERT_TRUE(made.ok());
  const std::shared_ptr<MappedBuffer> buffer = *made;
  std::memcpy(buffer->mutable_data(), "0123456789", 10);
  ASSERT_TRUE(buffer->Resize(50'000'000, /*shrink_to_fit=*/false).ok());
  EXPECT_EQ(buffer->data()[49'999'999], 0);
  buffer->mutable_data()[49'999'999] = 7;
  ASSERT_TRUE(buffer->Resize(12, /*shrink_to_fit=*/true).ok());
  EXPECT_LT(buffer->capacity(), 100'000);
  EXPECT_EQ(std::memcmp(buffer->data(), "0123456789", 10), 0);
  EXPECT_FALSE(buffer->Resize(int64_t{1} << 60, /*shrink_to_fit=*/false).ok());
  EXPECT_EQ(std::memcmp(buffer->data(), "0123456789", 10), 0);
}

TEST(MappedBuffer, GrowBufferMovesWhatWasUsed) {
  std::shared_ptr<arrow::ResizableBuffer> buffer;
  int64_t used = 0;
  for (const int64_t capacity : {int64_t{100}, int64_t{5'000}, MappedBuffer::kWorthBytes - 1, MappedBuffer::kWorthBytes,
                                 3 * MappedBuffer::kWorthBytes}) {
    ASSERT_TRUE(GrowBuffer(capacity, used, arrow::default_memory_pool(), &buffer).ok());
    ASSERT_GE(buffer->size(), capacity);
    for (int64_t i = 0; i < used; ++i) ASSERT_EQ(buffer->data()[i], static_cast<uint8_t>(i % 251)) << capacity;
    for (; used < capacity; ++used) buffer->mutable_data()[used] = static_cast<uint8_t>(used % 251);
  }
}

}  // namespace
}  // namespace firn::io
