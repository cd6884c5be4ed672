#include "io/body_decoder.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/util/compression.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/byte_size.h"
#include "io/http_client.h"

namespace firn::io {
namespace {

// zlib with header detection: gzip (RFC 1952) or zlib (RFC 1950) wrapping; checksums are verified.
class ZlibDecoder : public BodyDecoder {
 public:
  explicit ZlibDecoder(std::string name) : BodyDecoder(std::move(name)) {
    constexpr int kDetectHeader = 32;
    FIRN_CHECK(inflateInit2(&stream_, MAX_WBITS + kDetectHeader) == Z_OK);
  }
  ~ZlibDecoder() override { inflateEnd(&stream_); }

 protected:
  Result<Progress> Decode(std::string_view in, uint8_t* out, size_t out_bytes) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib's input is not const, not written
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out;
    stream_.avail_out = static_cast<uInt>(out_bytes);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return Corrupt(stream_.msg != nullptr ? stream_.msg : "zlib error " + std::to_string(code));
    }
    return Progress{in.size() - stream_.avail_in, out_bytes - stream_.avail_out, code == Z_STREAM_END};
  }
  bool Restart() override { return inflateReset(&stream_) == Z_OK; }

 private:
  z_stream stream_{};
};

class ZstdDecoder : public BodyDecoder {
 public:
  ZstdDecoder() : BodyDecoder("zstd"), stream_(ZSTD_createDStream()) {
    constexpr int kWindowLogMax = 23;  // 8 MiB, RFC 9659: what a sender of this content coding may ask of us
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  }

 protected:
  Result<Progress> Decode(std::string_view in, uint8_t* out, size_t out_bytes) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, out_bytes, 0};
    const size_t code = ZSTD_decompressStream(stream_.get(), &output, &input);
    if (ZSTD_isError(code) != 0) return Corrupt(ZSTD_getErrorName(code));
    return Progress{input.pos, output.pos, code == 0};
  }
  bool Restart() override { return true; }  // the next frame starts by itself

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
};

class BrotliDecoder : public BodyDecoder {
 public:
  explicit BrotliDecoder(std::shared_ptr<arrow::util::Decompressor> stream)
      : BodyDecoder("br"), stream_(std::move(stream)) {}

 protected:
  Result<Progress> Decode(std::string_view in, uint8_t* out, size_t out_bytes) override {
    const auto done = stream_->Decompress(static_cast<int64_t>(in.size()), reinterpret_cast<const uint8_t*>(in.data()),
                                          static_cast<int64_t>(out_bytes), out);
    if (!done.ok()) return Corrupt("brotli stream");
    return Progress{static_cast<size_t>(done->bytes_read), static_cast<size_t>(done->bytes_written),
                    stream_->IsFinished()};
  }
  bool Restart() override { return false; }

 private:
  const std::shared_ptr<arrow::util::Decompressor> stream_;
};

std::string_view MagicEncoding(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.size() >= 3 && at(0) == 0x1f && at(1) == 0x8b && at(2) == 8) return "gzip";
  if (bytes.size() >= 4 && at(0) == 0x28 && at(1) == 0xb5 && at(2) == 0x2f && at(3) == 0xfd) return "zstd";
  // A zlib header: deflate with a 32 KiB window, and a check that makes both bytes divisible by 31. 'x' begins no JSON.
  if (bytes.size() >= 2 && at(0) == 0x78 && (at(0) * 256 + at(1)) % 31 == 0) return "deflate";
  return "";
}

}  // namespace

Status BodyDecoder::Corrupt(const std::string& why) const {
  return MakeError(Fault::kTransient, "corrupt " + name_ + " body: " + why);
}

Status BodyDecoder::Feed(std::string_view bytes, int64_t ratio_max, BodyBuffer* body) {
  constexpr int64_t kRoomBytes = 64_KiB;
  constexpr int64_t kPieceBytesMax = 1_MiB;  // so that limits are looked at while a bomb unfolds
  encoded_bytes_ += static_cast<int64_t>(bytes.size());
  bool output_full = false;
  while (!bytes.empty() || output_full) {
    if (ended_) {
      if (!Restart()) return Corrupt("data after its end");
      ended_ = false;
    }
    int64_t room_bytes = 0;
    ARROW_ASSIGN_OR_RAISE(uint8_t* room, body->Room(kRoomBytes, &room_bytes));
    room_bytes = std::min(room_bytes, kPieceBytesMax);
    ARROW_ASSIGN_OR_RAISE(const Progress done, Decode(bytes, room, static_cast<size_t>(room_bytes)));
    bytes.remove_prefix(done.consumed);
    ARROW_RETURN_NOT_OK(body->Commit(static_cast<int64_t>(done.produced)));
    if (body->size() > 1_MiB && body->size() / ratio_max > encoded_bytes_) {
      return MakeError(Fault::kBadData, "compressed body explodes: " + FormatByteSize(encoded_bytes_) +
                                            " became more than " + FormatByteSize(body->size()));
    }
    ended_ = done.ended;
    output_full = !ended_ && done.produced == static_cast<size_t>(room_bytes);
    if (done.consumed == 0 && done.produced == 0 && !ended_) {
      return bytes.empty() ? Status::OK() : Corrupt("no progress");
    }
  }
  return Status::OK();
}

Status BodyDecoder::Finish() {
  return ended_ ? Status::OK() : Corrupt("cut short");
}

Result<std::unique_ptr<BodyDecoder>> BodyDecoder::Open(std::string_view encoding) {
  if (EqualsIgnoringCase(encoding, "gzip") || EqualsIgnoringCase(encoding, "x-gzip")) {
    return std::make_unique<ZlibDecoder>("gzip");
  }
  if (EqualsIgnoringCase(encoding, "deflate")) return std::make_unique<ZlibDecoder>("deflate");
  if (EqualsIgnoringCase(encoding, "zstd")) return std::make_unique<ZstdDecoder>();
  if (EqualsIgnoringCase(encoding, "br") && arrow::util::Codec::IsAvailable(arrow::Compression::BROTLI)) {
    ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(arrow::Compression::BROTLI));
    ARROW_ASSIGN_OR_RAISE(auto stream, codec->MakeDecompressor());
    return std::make_unique<BrotliDecoder>(std::move(stream));
  }
  return MakeError(Fault::kBadData, "response has a content encoding that was not asked for: \"" +
                                        std::string(encoding.substr(0, 40)) + "\"");
}

std::string AcceptedEncodings() {
  return arrow::util::Codec::IsAvailable(arrow::Compression::BROTLI) ? "gzip, br, zstd" : "gzip, zstd";
}

Result<std::shared_ptr<arrow::Buffer>> DecompressIfNeeded(std::shared_ptr<arrow::Buffer> body, int64_t bytes_max,
                                                          arrow::MemoryPool* pool) {
  constexpr int64_t kRatioMax = 1'000;
  constexpr size_t kPieceBytes = 64 << 10;
  std::string_view bytes(reinterpret_cast<const char*>(body->data()), static_cast<size_t>(body->size()));
  const std::string_view encoding = MagicEncoding(bytes);
  if (encoding.empty()) return body;
  ARROW_ASSIGN_OR_RAISE(const auto decoder, BodyDecoder::Open(encoding));
  BodyBuffer decoded(bytes_max, pool != nullptr ? pool : arrow::default_memory_pool());
  for (size_t at = 0; at < bytes.size(); at += kPieceBytes) {
    ARROW_RETURN_NOT_OK(decoder->Feed(bytes.substr(at, kPieceBytes), kRatioMax, &decoded));
  }
  ARROW_RETURN_NOT_OK(decoder->Finish());
  return decoded.Finish();
}

}  // namespace firn::io
