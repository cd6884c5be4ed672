#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "format/puffin/reader.h"

// Footers and blobs of foreign Puffin files. Seeds: any Puffin file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace puffin = firn::format::puffin;
  const auto buffer = std::make_shared<arrow::Buffer>(data, static_cast<int64_t>(size));
  arrow::io::BufferReader file(buffer);
  const auto footer = puffin::ReadFooter(file);
  if (footer.ok()) {
    for (const auto& blob : footer->blobs) static_cast<void>(puffin::ReadBlob(file, blob));
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(puffin::Decompress("lz4", bytes, 1 << 20));
  static_cast<void>(puffin::Decompress("zstd", bytes, 1 << 20));
  return 0;
}
