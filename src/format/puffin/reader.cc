#include "format/puffin/reader.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <utility>

namespace firn::format::puffin {

namespace {

constexpr int64_t kTailBytes = 64 << 10;  // read first: holds most footers
constexpr int64_t kDecompressStepBytes = 256 << 10;
constexpr uint8_t kFooterCompressed = 1;

Status Bad(const std::string& problem) {
  return MakeError(Fault::kBadData, "Puffin file: " + problem);
}

Result<std::string> ReadExactly(arrow::io::RandomAccessFile& file, int64_t offset, int64_t length) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, file.ReadAt(offset, length));
  if (buffer->size() != length) return Bad("it ends early, at " + std::to_string(offset + buffer->size()));
  return buffer->ToString();
}

uint32_t LittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[static_cast<size_t>(i)]);
  return value;
}

/// The length of footer magic and payload, from the trailer.
Result<int64_t> PayloadBytes(std::string_view trailer, int64_t file_bytes) {
  if (trailer.substr(8) != kMagic) return Bad("no magic at the end");
  const auto payload = static_cast<int64_t>(LittleEndian(trailer));
  const auto room = file_bytes - kTrailerBytes - 2 * static_cast<int64_t>(kMagic.size());
  if (payload > room || payload > kFooterBytesMax) return Bad("footer of " + std::to_string(payload) + " bytes");
  const bool unknown_flags = (static_cast<uint8_t>(trailer[4]) & ~kFooterCompressed) != 0 ||
                             trailer.substr(5, 3) != std::string_view("\0\0\0", 3);
  if (unknown_flags) return Bad("unknown flags");
  return payload;
}

Result<arrow::Compression::type> CodecOf(const std::string& name) {
  if (name == "lz4") return arrow::Compression::LZ4_FRAME;
  if (name == "zstd") return arrow::Compression::ZSTD;
  return Bad("compression codec is not known: " + name.substr(0, 40));
}

}  // namespace

Result<std::string> Decompress(const std::string& codec, std::string_view bytes, int64_t bytes_max) {
  if (codec.empty()) return std::string(bytes);
  ARROW_ASSIGN_OR_RAISE(const auto type, CodecOf(codec));
  auto made = arrow::util::Codec::Create(type);
  if (!made.ok()) return Bad("compression codec is not in this build: " + codec);
  ARROW_ASSIGN_OR_RAISE(auto decompressor, (*made)->MakeDecompressor());
  std::string out;
  size_t used = 0;
  size_t filled = 0;
  while (!decompressor->IsFinished()) {
    if (out.size() - filled < size_t{kDecompressStepBytes} / 2) out.resize(out.size() + kDecompressStepBytes);
    auto step = decompressor->Decompress(
        static_cast<int64_t>(bytes.size() - used), reinterpret_cast<const uint8_t*>(bytes.data()) + used,
        static_cast<int64_t>(out.size() - filled), reinterpret_cast<uint8_t*>(out.data()) + filled);
    if (!step.ok()) return Bad("damaged " + codec + " data");
    used += static_cast<size_t>(step->bytes_read);
    filled += static_cast<size_t>(step->bytes_written);
    if (static_cast<int64_t>(filled) > bytes_max) return Bad(codec + " data is too large when decompressed");
    // There was room: it waits for input that does not come.
    const bool stuck = step->bytes_read == 0 && step->bytes_written == 0;
    if (stuck && !decompressor->IsFinished()) return Bad("truncated " + codec + " data");
  }
  if (used != bytes.size()) return Bad("bytes after the " + codec + " frame");
  out.resize(filled);
  return out;
}

Result<Footer> ReadFooter(arrow::io::RandomAccessFile& file) {
  const auto magic_bytes = static_cast<int64_t>(kMagic.size());
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  if (size < kTrailerBytes + 2 * magic_bytes) return Bad("too short: " + std::to_string(size) + " bytes");
  const int64_t tail_bytes = std::min(size, kTailBytes);
  ARROW_ASSIGN_OR_RAISE(std::string tail, ReadExactly(file, size - tail_bytes, tail_bytes));
  if (tail_bytes == size && !tail.starts_with(kMagic)) return Bad("no magic at the start");
  const std::string trailer = tail.substr(tail.size() - kTrailerBytes);
  ARROW_ASSIGN_OR_RAISE(const int64_t payload_bytes, PayloadBytes(trailer, size));
  const int64_t footer_offset = size - kTrailerBytes - payload_bytes - magic_bytes;
  const int64_t footer_bytes = magic_bytes + payload_bytes;
  std::string footer;
  if (footer_bytes + kTrailerBytes <= tail_bytes) {
    footer =
        tail.substr(tail.size() - static_cast<size_t>(footer_bytes + kTrailerBytes), static_cast<size_t>(footer_bytes));
  } else {
    ARROW_ASSIGN_OR_RAISE(footer, ReadExactly(file, footer_offset, footer_bytes));
  }
  if (!footer.starts_with(kMagic)) return Bad("no magic before the footer");
  std::string json = footer.substr(kMagic.size());
  if ((static_cast<uint8_t>(trailer[4]) & kFooterCompressed) != 0) {
    ARROW_ASSIGN_OR_RAISE(json, Decompress("lz4", json, kFooterBytesMax));
  }
  return ParseFooter(json, footer_offset);
}

Result<std::string> ReadBlob(arrow::io::RandomAccessFile& file, const BlobInfo& blob) {
  if (blob.length < 0 || blob.length > kBlobBytesMax) return Bad("blob of " + std::to_string(blob.length) + " bytes");
  ARROW_ASSIGN_OR_RAISE(std::string bytes, ReadExactly(file, blob.offset, blob.length));
  if (blob.compression.empty()) return bytes;
  return Decompress(blob.compression, bytes);
}

}  // namespace firn::format::puffin
