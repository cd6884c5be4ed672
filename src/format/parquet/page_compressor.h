#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "format/parquet/pool_vector.h"

struct ZSTD_CCtx_s;

namespace arrow {
class Buffer;
}

namespace firn::format::parquet {

using Part = std::span<const uint8_t>;

/// Compresses pages with zstd: one context for all pages of a thread, because making one costs more than a small page;
/// the thread that destroys a compressor keeps its context for the next.
/// Used by one thread at a time.
class PageCompressor {
 public:
  /// Errors: OutOfMemory.
  static Result<std::unique_ptr<PageCompressor>> Make(int level, arrow::MemoryPool* pool);
  ~PageCompressor();

  /// Compresses the parts, one after the other, as one frame, and appends it to `out` as one or more buffers. Parts
  /// above a few MiB are read where they are, never copied. Returns the bytes appended.
  Result<int64_t> Compress(std::span<const Part> parts, std::vector<std::shared_ptr<arrow::Buffer>>* out);

  /// The size the parts would have.
  Result<int64_t> CompressedSize(std::span<const Part> parts);

  /// Memory of the context, which is not of the pool.
  int64_t context_bytes() const;

 private:
  PageCompressor(ZSTD_CCtx_s* context, arrow::MemoryPool* pool);
  Result<int64_t> CompressWhole(std::span<const Part> parts, int64_t size);
  Result<int64_t> CompressStream(std::span<const Part> parts, int64_t size,
                                 std::vector<std::shared_ptr<arrow::Buffer>>* out);
  Status Keep(int64_t size, std::vector<std::shared_ptr<arrow::Buffer>>* out);

  ZSTD_CCtx_s* const context_;
  arrow::MemoryPool* const pool_;
  Bytes joined_;      // the parts in a row
  Bytes compressed_;  // what becomes a buffer of its own size
};

}  // namespace firn::format::parquet
