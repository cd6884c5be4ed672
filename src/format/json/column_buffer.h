#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

#include "base/status.h"

namespace firn::format::json {

/// Where column buffers come from. Holds the first failure, so that the hot path only sees a bool.
struct ColumnArena {
  arrow::MemoryPool* pool = nullptr;
  Status failure;
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
  /// Hands over the first `size` bytes; the buffer is empty then and remembers the size for the next time.
  Result<std::shared_ptr<arrow::Buffer>> Finish(int64_t size);
  void Clear();

 private:
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  uint8_t* data_ = nullptr;
  int64_t capacity_ = 0;
  int64_t expected_ = 0;  // size of the last finished buffer
  ColumnArena* arena_ = nullptr;
};

}  // namespace firn::format::json
