// Feeds any bytes to the reader of zip archives. Whatever is read must be what the directory says, however it is read.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <zlib.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "io/zip_archive.h"

namespace {

using namespace firn;  // NOLINT

// Returns what a member unpacks to, of its first MiB.
Result<std::string> ReadMember(const std::shared_ptr<arrow::io::RandomAccessFile>& file, const io::ZipMember& member,
                               int64_t block_bytes, int64_t piece_bytes) {
  constexpr size_t kBytesMax = size_t{1} << 20;
  ARROW_ASSIGN_OR_RAISE(const auto input, io::OpenZipMember(file, member, block_bytes));
  std::string content, piece(static_cast<size_t>(piece_bytes), '\0');
  while (content.size() < kBytesMax) {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, input->Read(piece_bytes, piece.data()));
    if (got == 0) break;
    content.append(piece, 0, static_cast<size_t>(got));
  }
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::make_shared<arrow::Buffer>(data, static_cast<int64_t>(size));
  const auto file = std::make_shared<arrow::io::BufferReader>(bytes);
  const auto members = io::ReadZipDirectory(*file);
  if (!members.ok()) return 0;
  for (const io::ZipMember& member : *members) {
    const auto whole = ReadMember(file, member, 4096, 8192);
    const auto pieces = ReadMember(file, member, 3, 8192);
    if (whole.ok() != pieces.ok()) std::abort();
    if (!whole.ok() || static_cast<int64_t>(whole->size()) < member.size_bytes) continue;
    if (*whole != *pieces || static_cast<int64_t>(whole->size()) != member.size_bytes) std::abort();
    const auto* content = reinterpret_cast<const Bytef*>(whole->data());
    if (crc32_z(0, content, whole->size()) != member.crc32) std::abort();
  }
  return 0;
}
