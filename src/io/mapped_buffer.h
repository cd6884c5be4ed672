#pragma once

#include <arrow/buffer.h>

#include <cstdint>
#include <memory>

#include "base/status.h"

namespace firn::io {

/// Memory straight from the kernel, for what is large and grows: growing moves pages instead of copying bytes, what was
/// never written to takes no memory, and destroying it gives everything back at once. Not counted by a pool.
/// Used by one thread while it grows.
class MappedBuffer final : public arrow::ResizableBuffer {
 public:
  /// From this size on it is worth a system call.
  static constexpr int64_t kWorthBytes = int64_t{4} << 20;

  /// Errors: out of memory.
  static Result<std::shared_ptr<MappedBuffer>> Make(int64_t size);
  ~MappedBuffer() override;

  Status Resize(int64_t new_size, bool shrink_to_fit) override;
  Status Reserve(int64_t capacity) override;

 private:
  MappedBuffer() : arrow::ResizableBuffer(nullptr, 0) {}
  Status Remap(int64_t capacity);
};

/// Makes `buffer` at least `capacity` bytes large, keeping its first `used` bytes: in `pool` as long as it is small,
/// mapped above. Null: a new one is made.
Status GrowBuffer(int64_t capacity, int64_t used, arrow::MemoryPool* pool,
                  std::shared_ptr<arrow::ResizableBuffer>* buffer);

/// Puts the first `used` bytes into a buffer of that size if they are few and `buffer` is much larger: what is kept of
/// many small inputs must not each take what one large input would.
Status FitBuffer(int64_t used, arrow::MemoryPool* pool, std::shared_ptr<arrow::ResizableBuffer>* buffer);

}  // namespace firn::io
