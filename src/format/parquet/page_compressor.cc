#include "format/parquet/page_compressor.h"

#include <arrow/buffer.h>
#include <zstd.h>

#include <memory>
#include <string>
#include <utility>

namespace firn::format::parquet {

namespace {

/// Up to here a page is compressed in one call; longer ones hold a long value, and are streamed.
constexpr int64_t kWholeBytesMax = int64_t{4} << 20;
constexpr int64_t kStreamBytes = int64_t{1} << 20;

int64_t SizeOf(std::span<const Part> parts) {
  int64_t size = 0;
  for (const Part& part : parts) size += static_cast<int64_t>(part.size());
  return size;
}

using Context = std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)>;

/// A context that is not in use is kept for the thread's next file: of a file of 1,000 rows, making one is a good part.
constexpr size_t kKeptBytesMax = size_t{2} << 20;
Context& KeptContext() {
  thread_local Context kept(nullptr, &ZSTD_freeCCtx);
  return kept;
}

Status Failed(size_t code) {
  return MakeError(Fault::kBug, std::string("zstd: ") + ZSTD_getErrorName(code));
}

}  // namespace

Result<std::unique_ptr<PageCompressor>> PageCompressor::Make(int level, arrow::MemoryPool* pool) {
  ZSTD_CCtx* context = KeptContext() != nullptr ? KeptContext().release() : ZSTD_createCCtx();
  if (context == nullptr) return Status::OutOfMemory("no memory for a zstd context");
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  return std::unique_ptr<PageCompressor>(new PageCompressor(context, pool));
}

PageCompressor::PageCompressor(ZSTD_CCtx_s* context, arrow::MemoryPool* pool)
    : context_(context), pool_(pool), joined_(pool), compressed_(pool) {}

PageCompressor::~PageCompressor() {
  Context mine(context_, &ZSTD_freeCCtx);
  ZSTD_CCtx_reset(context_, ZSTD_reset_session_and_parameters);
  if (KeptContext() == nullptr && ZSTD_sizeof_CCtx(context_) <= kKeptBytesMax) KeptContext() = std::move(mine);
}

int64_t PageCompressor::context_bytes() const {
  return static_cast<int64_t>(ZSTD_sizeof_CCtx(context_));
}

Result<int64_t> PageCompressor::Compress(std::span<const Part> parts,
                                         std::vector<std::shared_ptr<arrow::Buffer>>* out) {
  const int64_t size = SizeOf(parts);
  if (size > kWholeBytesMax) return CompressStream(parts, size, out);
  ARROW_ASSIGN_OR_RAISE(const int64_t compressed, CompressWhole(parts, size));
  ARROW_RETURN_NOT_OK(Keep(compressed, out));
  return compressed;
}

Result<int64_t> PageCompressor::CompressedSize(std::span<const Part> parts) {
  const int64_t size = SizeOf(parts);
  if (size > kWholeBytesMax) return size;
  return CompressWhole(parts, size);
}

Status PageCompressor::Keep(int64_t size, std::vector<std::shared_ptr<arrow::Buffer>>* out) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(size, pool_));
  std::memcpy(buffer->mutable_data(), compressed_.data(), static_cast<size_t>(size));
  out->push_back(std::move(buffer));
  return Status::OK();
}

// The result lies in compressed_.
Result<int64_t> PageCompressor::CompressWhole(std::span<const Part> parts, int64_t size) {
  Part source = parts.empty() ? Part() : parts[0];
  if (parts.size() > 1) {
    joined_.Clear();
    ARROW_RETURN_NOT_OK(joined_.Reserve(size));
    for (const Part& part : parts) joined_.Add(part.data(), static_cast<int64_t>(part.size()));
    source = Part(joined_.data(), static_cast<size_t>(size));
  }
  compressed_.Clear();
  ARROW_RETURN_NOT_OK(compressed_.Reserve(static_cast<int64_t>(ZSTD_compressBound(source.size()))));
  const size_t written =
      ZSTD_compress2(context_, compressed_.data(), ZSTD_compressBound(source.size()), source.data(), source.size());
  if (ZSTD_isError(written)) return Failed(written);
  return static_cast<int64_t>(written);
}

Result<int64_t> PageCompressor::CompressStream(std::span<const Part> parts, int64_t size,
                                               std::vector<std::shared_ptr<arrow::Buffer>>* out) {
  ZSTD_CCtx_reset(context_, ZSTD_reset_session_only);
  ZSTD_CCtx_setPledgedSrcSize(context_, static_cast<uint64_t>(size));
  compressed_.Clear();
  ARROW_RETURN_NOT_OK(compressed_.Reserve(kStreamBytes));
  int64_t total = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    ZSTD_inBuffer input{parts[i].data(), parts[i].size(), 0};
    while (true) {
      ZSTD_outBuffer output{compressed_.data(), static_cast<size_t>(kStreamBytes), 0};
      const size_t left = ZSTD_compressStream2(context_, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return Failed(left);
      if (output.pos > 0) ARROW_RETURN_NOT_OK(Keep(static_cast<int64_t>(output.pos), out));
      total += static_cast<int64_t>(output.pos);
      if (last ? left == 0 : input.pos == input.size) break;
    }
  }
  return total;
}

}  // namespace firn::format::parquet
