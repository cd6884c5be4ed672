#include "format/avro/compression.h"

#include <arrow/util/compression.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace firn::format::avro {
namespace {

constexpr int kRawDeflate = -15;  // zlib manual, inflateInit2: negative for no header

Status Damaged(std::string_view codec) {
  return MakeError(Fault::kBadData, "avro: " + std::string(codec) + " block is damaged or cut short");
}

Status TooLarge(int64_t bytes_max) {
  return MakeError(Fault::kBadData, "avro: block content is larger than the limit: " + std::to_string(bytes_max));
}

Bytef* In(std::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

Result<std::string> Deflate(std::string_view block) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawDeflate, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return MakeError(Fault::kBug, "deflateInit2 failed");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, deflateEnd);
  std::string out(deflateBound(&stream, block.size()), '\0');
  stream.next_in = In(block);
  stream.avail_in = static_cast<uInt>(block.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return MakeError(Fault::kBug, "deflate did not finish");
  out.resize(stream.total_out);
  return out;
}

Result<std::string> Inflate(std::string_view block, int64_t bytes_max) {
  z_stream stream = {};
  if (inflateInit2(&stream, kRawDeflate) != Z_OK) return MakeError(Fault::kBug, "inflateInit2 failed");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = In(block);
  stream.avail_in = static_cast<uInt>(block.size());
  std::string out, part(std::clamp<size_t>(block.size() * 4, 4 << 10, 256 << 10), '\0');
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(part.data(), part.size() - stream.avail_out);
    if (static_cast<int64_t>(out.size()) > bytes_max) return TooLarge(bytes_max);
  }
  return code == Z_STREAM_END ? Result<std::string>(std::move(out)) : Damaged("deflate");
}

Result<std::string> Unzstd(std::string_view block, int64_t bytes_max) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  ZSTD_inBuffer in{block.data(), block.size(), 0};
  std::string out, part(ZSTD_DStreamOutSize(), '\0');
  size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer target{part.data(), part.size(), 0};
    const size_t consumed = in.pos;
    left = ZSTD_decompressStream(stream.get(), &target, &in);
    if (ZSTD_isError(left) || (left != 0 && target.pos == 0 && in.pos == consumed)) return Damaged("zstandard");
    out.append(part.data(), target.pos);
    if (static_cast<int64_t>(out.size()) > bytes_max) return TooLarge(bytes_max);
  }
  return out;
}

// Content size at the head of a snappy block: a varint (snappy format description, section 1).
int64_t SnappySize(std::string_view block) {
  uint64_t size = 0;
  for (size_t i = 0; i < std::min<size_t>(block.size(), 5); ++i) {
    const uint64_t byte = static_cast<unsigned char>(block[i]);
    size |= (byte & 0x7F) << (7 * i);
    if (byte < 0x80) return static_cast<int64_t>(size);
  }
  return -1;
}

// A snappy block is followed by the CRC-32 of its content, 4 bytes big-endian (Avro specification, "Optional Codecs").
Result<std::string> Unsnap(std::string_view block, int64_t bytes_max) {
  constexpr size_t kCrcBytes = 4;
  if (block.size() < kCrcBytes) return Damaged("snappy");
  const std::string_view body = block.substr(0, block.size() - kCrcBytes);
  const int64_t size = SnappySize(body);
  if (size < 0) return Damaged("snappy");
  if (size > bytes_max) return TooLarge(bytes_max);
  ARROW_ASSIGN_OR_RAISE(const auto codec, arrow::util::Codec::Create(arrow::Compression::SNAPPY));
  std::string out(static_cast<size_t>(size), '\0');
  const auto written =
      codec->Decompress(static_cast<int64_t>(body.size()), In(body), size, reinterpret_cast<uint8_t*>(out.data()));
  if (!written.ok() || *written != size) return Damaged("snappy");
  uint32_t expected = 0;
  for (const char byte : block.substr(body.size())) expected = (expected << 8) | static_cast<unsigned char>(byte);
  if (crc32(0, In(out), static_cast<uInt>(out.size())) != expected) return Damaged("snappy");
  return out;
}

}  // namespace

Result<Codec> ParseCodec(std::string_view name) {
  for (const Codec codec : {Codec::kNull, Codec::kDeflate, Codec::kZstandard, Codec::kSnappy}) {
    if (CodecName(codec) == name) return codec;
  }
  return MakeError(Fault::kBadData, "avro: unknown codec; known are null, deflate, zstandard and snappy");
}

std::string_view CodecName(Codec codec) {
  switch (codec) {
    case Codec::kNull:
      return "null";
    case Codec::kDeflate:
      return "deflate";
    case Codec::kZstandard:
      return "zstandard";
    case Codec::kSnappy:
      return "snappy";
  }
  return "null";
}

Result<std::string> Compress(Codec codec, std::string_view block) {
  if (codec == Codec::kDeflate) return Deflate(block);
  if (codec == Codec::kNull) return std::string(block);
  return MakeError(Fault::kBug, "avro: codec is only read: " + std::string(CodecName(codec)));
}

Result<std::string> Decompress(Codec codec, std::string_view block, int64_t bytes_max) {
  if (block.size() > uint64_t{UINT32_MAX} / 2) return TooLarge(bytes_max);
  switch (codec) {
    case Codec::kDeflate:
      return Inflate(block, bytes_max);
    case Codec::kZstandard:
      return Unzstd(block, bytes_max);
    case Codec::kSnappy:
      return Unsnap(block, bytes_max);
    case Codec::kNull:
      break;
  }
  if (static_cast<int64_t>(block.size()) > bytes_max) return TooLarge(bytes_max);
  return std::string(block);
}

}  // namespace firn::format::avro
