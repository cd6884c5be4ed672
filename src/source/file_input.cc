#include "source/file_input.h"

#include <arrow/buffer.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace firn::source {
namespace {

constexpr int64_t kSkipBytes = int64_t{1} << 20;
constexpr int64_t kPackedBytes = int64_t{64} << 10;  // are unpacked from at once
constexpr int64_t kKeptBytesMax = int64_t{256} << 20;
// gzip packs 1,032 bytes of one kind into one; what is beyond is made to fill disks.
constexpr int64_t kRatioMax = 1'100;
constexpr int64_t kUnpackedBytesFree = int64_t{1} << 30;  // of which the ratio is not asked

Status EndsEarly(int64_t at, int64_t size) {
  return MakeError(Fault::kTransient,
                   "the file ended after " + std::to_string(at) + " of " + std::to_string(size) + " bytes",
                   {.code = "E0882", .why = "it was changed while it was read", .next = "firn run"});
}

// Of characters that are no line end only that is told.
char CharacterOf(std::string_view bytes, UnpackedInput::LineEnds ends) {
  if (!ends.is_wide) return bytes.back();
  const char high = ends.is_big_endian ? bytes[0] : bytes[1], low = ends.is_big_endian ? bytes[1] : bytes[0];
  return high == '\0' ? low : '?';
}

}  // namespace

RawInput::RawInput(std::shared_ptr<arrow::io::InputStream> bytes, Options options)
    : bytes_(std::move(bytes)), options_(options) {}
RawInput::~RawInput() = default;

Status RawInput::Close() {
  closed_ = true;
  return Status::OK();
}

Status RawInput::Fill() {
  const int64_t wanted = std::min(options_.block_bytes, options_.size - read_end_);
  ARROW_ASSIGN_OR_RAISE(block_, bytes_->Read(wanted));
  in_block_ = 0;
  if (block_->size() < wanted) return EndsEarly(read_end_ + block_->size(), options_.size);
  read_end_ += block_->size();
  if (options_.hashes) {
    hash_.Update({reinterpret_cast<const char*>(block_->data()), static_cast<size_t>(block_->size())});
  }
  return Status::OK();
}

Result<int64_t> RawInput::Read(int64_t nbytes, void* out) {
  auto* to = static_cast<uint8_t*>(out);
  int64_t total = 0;
  while (total < nbytes) {
    const int64_t left = block_ == nullptr ? 0 : block_->size() - in_block_;
    if (left == 0) {
      if (read_end_ == options_.size) break;
      ARROW_RETURN_NOT_OK(Fill());
      continue;
    }
    const int64_t taken = std::min(left, nbytes - total);
    std::memcpy(to + total, block_->data() + in_block_, static_cast<size_t>(taken));
    in_block_ += taken;
    total += taken;
  }
  position_ += total;
  return total;
}

Result<std::shared_ptr<arrow::Buffer>> RawInput::Read(int64_t nbytes) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(nbytes));
  ARROW_ASSIGN_OR_RAISE(const int64_t got, Read(nbytes, buffer->mutable_data()));
  ARROW_RETURN_NOT_OK(buffer->Resize(got));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

Result<std::string> RawInput::Look(int64_t size) {
  if (block_ == nullptr && options_.size > 0) ARROW_RETURN_NOT_OK(Fill());
  if (block_ == nullptr) return std::string();
  return std::string(reinterpret_cast<const char*>(block_->data()),
                     static_cast<size_t>(std::min(size, block_->size())));
}

Status RawInput::ReadToEnd() {
  while (read_end_ < options_.size) ARROW_RETURN_NOT_OK(Fill());
  return Status::OK();
}

config::FileCompression CompressionOf(std::string_view first_bytes) {
  using Compression = config::FileCompression;
  if (first_bytes.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  if (first_bytes.starts_with(std::string_view("PK\x03\x04", 4)) ||
      first_bytes.starts_with(std::string_view("PK\x05\x06", 4))) {
    return Compression::kZip;
  }
  return Compression::kNone;
}

Result<std::unique_ptr<UnpackedInput>> UnpackedInput::Open(std::shared_ptr<arrow::io::InputStream> raw,
                                                           Options options) {
  if (options.compression == config::FileCompression::kNone) {
    return std::unique_ptr<UnpackedInput>(new UnpackedInput(std::move(raw), nullptr, options));
  }
  const auto type =
      options.compression == config::FileCompression::kGzip ? arrow::Compression::GZIP : arrow::Compression::ZSTD;
  ARROW_ASSIGN_OR_RAISE(const auto codec, arrow::util::Codec::Create(type));
  ARROW_ASSIGN_OR_RAISE(auto decompressor, codec->MakeDecompressor());
  return std::unique_ptr<UnpackedInput>(new UnpackedInput(std::move(raw), std::move(decompressor), options));
}

Result<bool> UnpackedInput::HasPacked() {
  if (packed_ != nullptr && in_packed_ < packed_->size()) return true;
  in_packed_ = 0;
  ARROW_ASSIGN_OR_RAISE(packed_, raw_->Read(kPackedBytes));
  return packed_->size() > 0;
}

// False at the end of the file.
Result<bool> UnpackedInput::BeginsAnother() {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool more, HasPacked());
    if (!more) return false;
    const bool pads = options_.compression == config::FileCompression::kGzip && packed_->data()[in_packed_] == 0;
    if (!pads) break;
    ++in_packed_;
  }
  ARROW_RETURN_NOT_OK(decompressor_->Reset());
  in_member_ = true;
  return true;
}

Result<int64_t> UnpackedInput::Unpack(int64_t nbytes, uint8_t* out) {
  while (true) {
    if (!in_member_) {
      ARROW_ASSIGN_OR_RAISE(const bool more, BeginsAnother());
      if (!more) return 0;
    }
    ARROW_RETURN_NOT_OK(HasPacked().status());  // without more of them zstd may still give what it holds
    ARROW_ASSIGN_OR_RAISE(const auto got, decompressor_->Decompress(packed_->size() - in_packed_,
                                                                    packed_->data() + in_packed_, nbytes, out));
    in_packed_ += got.bytes_read;
    in_member_ = !decompressor_->IsFinished();
    if (got.bytes_written > 0) return got.bytes_written;
    if (in_member_ && got.bytes_read == 0) return Status::IOError("they end early");
  }
}

Result<int64_t> UnpackedInput::ReadNew(int64_t nbytes, void* out) {
  const bool is_packed = decompressor_ != nullptr;
  const auto got = is_packed ? Unpack(nbytes, static_cast<uint8_t*>(out)) : raw_->Read(nbytes, out);
  if (!got.ok()) {
    if (!is_packed || ContextOf(got.status()) != nullptr) return got.status();
    return MakeError(Fault::kBadData, "its packed bytes cannot be unpacked: " + got.status().message(),
                     {.code = "E0885", .why = "the file is damaged, or was cut off", .next = "copy the file anew"});
  }
  num_unpacked_ += *got;
  if (is_packed && num_unpacked_ > kUnpackedBytesFree) {
    ARROW_ASSIGN_OR_RAISE(const int64_t packed, raw_->Tell());
    if (num_unpacked_ / std::max<int64_t>(packed / options_.bytes_per_stored, 1) > kRatioMax) {
      return MakeError(Fault::kBadData, "it unpacks to over 1,000 times its size",
                       {.code = "E0885", .why = "no file of rows does, but files made to fill disks do"});
    }
  }
  if (options_.hashes) hash_.Update({static_cast<const char*>(out), static_cast<size_t>(*got)});
  return *got;
}

Result<int64_t> UnpackedInput::Read(int64_t nbytes, void* out) {
  if (kept_.empty()) return ReadNew(nbytes, out);
  const auto taken = static_cast<size_t>(std::min<int64_t>(nbytes, static_cast<int64_t>(kept_.size())));
  std::memcpy(out, kept_.data(), taken);
  kept_.erase(0, taken);
  return static_cast<int64_t>(taken);
}

// Returns character number `place` behind the mark; 0 at the end of the file.
Result<char> UnpackedInput::LookAt(size_t place, LineEnds ends) {
  const size_t width = ends.is_wide ? 2 : 1, begin = place * width;
  while (kept_.size() < begin + width) {
    char byte = '\0';
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadNew(1, &byte));
    if (got == 0) return '\0';
    kept_.push_back(byte);
  }
  return CharacterOf(std::string_view(kept_).substr(begin, width), ends);
}

Result<UnpackedInput::Skipped> UnpackedInput::SkipTo(Mark* mark, LineEnds ends) {
  std::string block(static_cast<size_t>(kSkipBytes), '\0');
  const size_t width = ends.is_wide ? 2 : 1;
  std::string last;
  if (mark->num_hashed - mark->offset > kKeptBytesMax) return Skipped::kOther;
  while (num_hashed() < mark->num_hashed) {
    const int64_t limit = num_hashed() < mark->offset ? mark->offset : mark->num_hashed;
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadNew(std::min(kSkipBytes, limit - num_hashed()), block.data()));
    if (got == 0) return Skipped::kOther;
    const std::string_view read(block.data(), static_cast<size_t>(got));
    if (num_hashed() <= mark->offset) {
      last += read.substr(read.size() - std::min(read.size(), width));
      if (last.size() > width) last.erase(0, last.size() - width);
    } else {
      kept_.append(read);
    }
  }
  if (Digest() != mark->hash) return Skipped::kOther;
  const char before = last.size() < width ? '\n' : CharacterOf(last, ends);
  if (before == '\n' || (before == '\r' && ends.cr)) return Skipped::kThere;
  // The last line had no end, or half of one: it has one now, or it goes on.
  ARROW_ASSIGN_OR_RAISE(const char next, LookAt(0, ends));
  if (next == '\0' && kept_.empty()) return Skipped::kThere;
  size_t num_skipped = next == '\n' || (next == '\r' && ends.cr) ? 1 : 0;
  if (next == '\r' && !ends.cr && before != '\r') {
    ARROW_ASSIGN_OR_RAISE(const char second, LookAt(1, ends));
    num_skipped = second == '\n' ? 2 : 0;
    if (kept_.size() == width) {  // half a line end, and no more: the other half is waited for
      kept_.clear();
      return Skipped::kThere;
    }
  }
  if (num_skipped == 0) return Skipped::kInLine;
  kept_.erase(0, num_skipped * width);
  mark->offset += static_cast<int64_t>(num_skipped * width);
  return Skipped::kThere;
}

}  // namespace firn::source
