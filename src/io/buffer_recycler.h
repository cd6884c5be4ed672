#pragma once

#include <arrow/type_fwd.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "base/status.h"

namespace firn::io {

/// Buffers of about the same size that are needed again and again. What nobody refers to any more is handed out once
/// more, warm: memory fresh from the kernel costs a page fault for every 4 KiB. Thread-safe: buffers may be taken and
/// let go anywhere, also after their recycler's owner is gone.
class BufferRecycler : public std::enable_shared_from_this<BufferRecycler> {
 public:
  struct Options {
    size_t buffers_max = 4;                 // kept for later at most
    int64_t bytes_max = int64_t{16} << 20;  // of them together
    arrow::MemoryPool* pool = nullptr;      // of small buffers (see GrowBuffer); null: the default pool
  };
  static std::shared_ptr<BufferRecycler> Make(Options options);
  ~BufferRecycler();

  /// Returns a buffer of at least `size` bytes, which hold anything. Errors: out of memory.
  Result<std::shared_ptr<arrow::ResizableBuffer>> Take(int64_t size);

 private:
  explicit BufferRecycler(Options options);
  std::shared_ptr<arrow::ResizableBuffer> Find(int64_t size);
  void Keep(std::shared_ptr<arrow::ResizableBuffer> buffer);

  const Options options_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<arrow::ResizableBuffer>> kept_;  // the oldest first
  int64_t kept_bytes_ = 0;
};

}  // namespace firn::io
