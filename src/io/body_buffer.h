#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace firn::io {

class BodyFile;

/// A body that grows up to a limit. Used by one thread.
class BodyBuffer {
 public:
  /// `bytes_max`: more is kBadData.
  BodyBuffer(int64_t bytes_max, arrow::MemoryPool* pool) : bytes_max_(bytes_max), pool_(pool) {}
  ~BodyBuffer();
  BodyBuffer(BodyBuffer&&) noexcept;

  /// Lets the body go to `file`, which is borrowed, up to its limit; little is in memory then. Before the first byte.
  void GoTo(BodyFile& file);
  /// Asks for room for `expected` bytes in all; capped, because the number comes from a stranger.
  Status Expect(int64_t expected);
  Status Append(std::string_view bytes);
  /// Returns room for at least `at_least` more bytes, to be followed by Commit, which looks at the limit.
  Result<uint8_t*> Room(int64_t at_least, int64_t* room_bytes);
  Status Commit(int64_t bytes);
  int64_t size() const { return written_ + size_; }
  int64_t bytes_max() const { return bytes_max_; }
  /// Gives the body away, followed by kBodyPaddingBytes zero bytes; empty if it went to a file. Called once, last.
  Result<std::shared_ptr<arrow::Buffer>> Finish();

 private:
  Status Grow(int64_t capacity);
  Status Write();

  int64_t bytes_max_;
  arrow::MemoryPool* const pool_;
  BodyFile* file_ = nullptr;  // null: none
  int64_t written_ = 0;       // to it
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  int64_t size_ = 0;  // in buffer_
};

}  // namespace firn::io
