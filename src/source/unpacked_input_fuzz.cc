// Feeds any bytes to gzip and zstd. They unpack to the same however they come, or to an error. The first byte chooses.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "source/file_input.h"

namespace {

using namespace firn;          // NOLINT
using namespace firn::source;  // NOLINT

// Returns what the bytes unpack to, of its first 4 MiB.
Result<std::string> Unpack(const std::shared_ptr<arrow::Buffer>& bytes, config::FileCompression compression,
                           int64_t block_bytes, int64_t piece_bytes) {
  constexpr size_t kBytesMax = size_t{4} << 20;
  auto raw = std::make_shared<RawInput>(std::make_shared<arrow::io::BufferReader>(bytes),
                                        RawInput::Options{.size = bytes->size(), .block_bytes = block_bytes});
  ARROW_ASSIGN_OR_RAISE(const auto input, UnpackedInput::Open(std::move(raw), {.compression = compression}));
  std::string out, piece(static_cast<size_t>(piece_bytes), '\0');
  while (out.size() < kBytesMax) {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, input->Read(piece_bytes, piece.data()));
    if (got == 0) break;
    out.append(piece, 0, static_cast<size_t>(got));
  }
  if (out.size() < kBytesMax && input->Digest() != Xxh3(out)) std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto compression = data[0] % 2 == 0 ? config::FileCompression::kGzip : config::FileCompression::kZstd;
  const auto bytes = std::make_shared<arrow::Buffer>(data + 1, static_cast<int64_t>(size) - 1);
  const auto whole = Unpack(bytes, compression, int64_t{1} << 20, int64_t{1} << 16);
  const auto pieces = Unpack(bytes, compression, 7, int64_t{1} << 16);
  if (whole.ok() != pieces.ok() || (whole.ok() && *whole != *pieces)) std::abort();
  return 0;
}
