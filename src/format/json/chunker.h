#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"

namespace firn::io {
class BufferRecycler;
}

namespace firn::format::json {

/// Cuts a byte stream into chunks that end at a newline, each ready for Page::Parse (padded, no copy there).
/// A line longer than `chunk_bytes` makes a larger chunk of its own; one over `line_bytes_max` is an error.
/// Used by one thread.
class Chunker {
 public:
  struct Options {
    int64_t chunk_bytes = 2 << 20;
    int64_t line_bytes_max = 1 << 30;
    arrow::MemoryPool* pool = nullptr;  // null: the default pool
  };
  explicit Chunker(Options options);
  ~Chunker();

  /// Takes the next piece of the stream, of any size (copied). Errors: kBadData E0607 if a line is too long.
  Status Push(std::string_view piece);
  /// Returns where the next piece may be put instead, at least one byte; then Commit says how much of it was. Errors:
  /// out of memory; as Push.
  Result<std::span<char>> Room();
  Status Commit(size_t size);
  /// Changes the size of later chunks.
  void set_chunk_bytes(int64_t chunk_bytes) { options_.chunk_bytes = chunk_bytes; }
  /// Ends the stream: what is left over becomes the last chunk.
  Status Finish();
  /// Returns the next chunk, or null if more input is needed (after Finish: the end).
  std::shared_ptr<arrow::Buffer> Pop();
  /// Bytes pushed and not yet popped.
  int64_t bytes_held() const { return held_; }

 private:
  Status Grow(int64_t capacity);
  Status Cut(int64_t size);

  Options options_;
  std::shared_ptr<io::BufferRecycler> buffers_;      // of chunks that were read
  std::shared_ptr<arrow::ResizableBuffer> pending_;  // ours alone until it is cut off
  int64_t pending_size_ = 0;
  int64_t lines_end_ = 0;  // end of the last whole line in pending_
  std::deque<std::shared_ptr<arrow::Buffer>> ready_;
  int64_t held_ = 0;
  bool finished_ = false;
};

}  // namespace firn::format::json
