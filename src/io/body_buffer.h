#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace firn::io {

/// A body that grows up to a limit. Used by one thread.
class BodyBuffer {
 public:
  /// `bytes_max`: more is kBadData.
  BodyBuffer(int64_t bytes_max, arrow::MemoryPool* pool) : bytes_max_(bytes_max), pool_(pool) {}
  ~BodyBuffer();
  BodyBuffer(BodyBuffer&&) noexcept;

  /// Asks for room for `expected` bytes in all; capped, because the number comes from a stranger.
  Status Expect(int64_t expected);
  Status Append(std::string_view bytes);
  /// Returns room for at least `at_least` more bytes, to be followed by Commit, which looks at the limit.
  Result<uint8_t*> Room(int64_t at_least, int64_t* room_bytes);
  Status Commit(int64_t bytes);
  int64_t size() const { return size_; }
  /// Gives the body away, followed by kBodyPaddingBytes zero bytes. Called once, last.
  Result<std::shared_ptr<arrow::Buffer>> Finish();

 private:
  Status Grow(int64_t capacity);

  const int64_t bytes_max_;
  arrow::MemoryPool* const pool_;
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  int64_t size_ = 0;
};

}  // namespace firn::io
