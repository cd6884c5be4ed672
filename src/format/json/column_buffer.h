#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

#include "base/status.h"

namespace firn::io {
class BufferRecycler;
}

namespace firn::format::json {

/// Where the buffers of a decoder's columns and of its finished batches come from. Holds the first failure, so that the
/// hot path only sees a bool. Used by one thread; what was taken from it may go anywhere and outlives it.
class ColumnArena {
 public:
  /// Smaller finished buffers are pieces of shared blocks: of thousands of columns each has a few values in a batch,
  /// and a buffer of its own costs more than to fill it.
  static constexpr int64_t kPieceBytesMax = int64_t{16} << 10;

  explicit ColumnArena(arrow::MemoryPool* memory);
  ~ColumnArena();

  arrow::MemoryPool* const pool;
  Status failure;

  /// Returns room for `size` bytes of a finished buffer, or null on failure. Valid until the next call.
  uint8_t* Room(int64_t size);
  /// Returns the first `size` bytes of the room as a buffer, at most as many as were asked for.
  std::shared_ptr<arrow::Buffer> Take(int64_t size);
  /// Returns at least `size` bytes of zeros, shared by all who ask; null on failure.
  std::shared_ptr<arrow::Buffer> Zeros(int64_t size);

 private:
  struct Slab;
  bool Note(const Status& status);
  bool NewBuffer(int64_t size, std::shared_ptr<arrow::ResizableBuffer>* buffer);
  bool NewSlab(bool same_block);

  const std::shared_ptr<io::BufferRecycler> blocks_;
  std::shared_ptr<Slab> slab_;
  int64_t block_used_ = 0;
  std::shared_ptr<arrow::ResizableBuffer> own_;  // room that is too large for a block
  std::shared_ptr<arrow::ResizableBuffer> zeros_;
};

/// Growing memory of an Arrow pool.
class ColumnBuffer {
 public:
  ColumnBuffer();
  ~ColumnBuffer();
  ColumnBuffer(ColumnBuffer&&) noexcept;
  ColumnBuffer& operator=(ColumnBuffer&&) noexcept;

  void SetArena(ColumnArena* arena) { arena_ = arena; }
  ColumnArena* arena() const { return arena_; }
  uint8_t* data() const { return data_; }
  int64_t capacity() const { return capacity_; }
  /// Makes the capacity at least `bytes`, at least doubling it. False on failure, noted in the arena.
  bool Reserve(int64_t bytes);
  /// Gives the first `size` bytes as a buffer. What was reserved stays for the next time or, if it is large, is what is
  /// given; then the size is remembered.
  Result<std::shared_ptr<arrow::Buffer>> Finish(int64_t size);

 private:
  uint8_t* data_ = nullptr;
  int64_t capacity_ = 0;
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  int64_t expected_ = 0;  // size of the last buffer that was given away
  ColumnArena* arena_ = nullptr;
};

}  // namespace firn::format::json
