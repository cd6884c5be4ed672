#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/util/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/content_hash.h"
#include "base/hash.h"
#include "base/status.h"
#include "config/files_config.h"

namespace firn::source {

/// A place in the bytes of a file, after they were unpacked, where reading may go on. `hash` covers the first
/// `num_hashed` of them, so that whoever goes on knows that it is the same file.
struct Mark {
  int64_t offset = 0;
  int64_t num_hashed = 0;  // at least `offset`
  Hash128 hash;
  int64_t num_lines = 0;  // before `offset`
  std::string csv;        // format::csv::Start of CSV files, else empty
  friend bool operator==(const Mark&, const Mark&) = default;
};

/// The bytes of a file as they lie there, front to back, in blocks. Used by one thread.
class RawInput : public arrow::io::InputStream {
 public:
  struct Options {
    int64_t size = 0;  // of the file; not a byte more is read, and one less is an error
    int64_t block_bytes = int64_t{1} << 20;
    bool hashes = true;
  };
  /// `bytes`: of the file, from its begin.
  RawInput(std::shared_ptr<arrow::io::InputStream> bytes, Options options);
  ~RawInput() override;

  Status Close() override;
  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return position_; }
  Result<int64_t> Read(int64_t nbytes, void* out) override;
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override;

  /// Returns the first bytes without taking them. Before the first Read.
  Result<std::string> Look(int64_t size);
  /// Reads what is left, so that the hash is of the whole file.
  Status ReadToEnd();
  /// Of the bytes read from the file; all of them after ReadToEnd.
  Hash128 Digest() const { return hash_.Digest(); }

 private:
  Status Fill();

  const std::shared_ptr<arrow::io::InputStream> bytes_;
  const Options options_;
  ContentHash hash_;
  std::shared_ptr<arrow::Buffer> block_;
  int64_t in_block_ = 0;  // bytes of block_ that were given
  int64_t position_ = 0;  // bytes that were given
  int64_t read_end_ = 0;  // bytes that were read from the file
  bool closed_ = false;
};

/// How a file is packed, by its first bytes.
config::FileCompression CompressionOf(std::string_view first_bytes);

/// The bytes of a file after they were unpacked: several gzip members or zstd frames one after the other are one
/// stream, and zeros behind a gzip member, which fill up blocks of tapes, are none of it. Used by one thread.
class UnpackedInput {
 public:
  struct Options {
    config::FileCompression compression = config::FileCompression::kNone;  // kNone, kGzip or kZstd
    bool hashes = true;
    int64_t bytes_per_stored = 1;  // of what is unpacked here, for each that lies on the disk: of a packed archive more
  };
  /// Errors: those of the library.
  static Result<std::unique_ptr<UnpackedInput>> Open(std::shared_ptr<arrow::io::InputStream> raw, Options options);

  /// Reads up to `nbytes`; 0 is the end. Errors: kBadData E0885 for packed bytes that are damaged, end early or unpack
  /// to over 1,000 times their size; those of the file.
  Result<int64_t> Read(int64_t nbytes, void* out);
  enum class Skipped { kThere, kOther, kInLine };
  /// How lines end in the bytes: of UTF-16 a character has two.
  struct LineEnds {
    bool cr = false;  // by CR alone too
    bool is_wide = false, is_big_endian = false;
  };
  /// Goes to where reading may go on. kThere: the bytes before are those of the mark, and a record ends there; a line
  /// end that came later is skipped, and the mark moved behind it. kOther: the bytes are others. kInLine: the same
  /// bytes, but the last line had no end and goes on. Before the first Read; unless kThere the input is of no more use.
  /// Errors: as Read.
  Result<Skipped> SkipTo(Mark* mark, LineEnds ends);
  /// What a mark has to hold about the bytes read so far.
  Hash128 Digest() const { return hash_.Digest(); }
  int64_t num_hashed() const { return hash_.num_bytes(); }

 private:
  UnpackedInput(std::shared_ptr<arrow::io::InputStream> raw, std::shared_ptr<arrow::util::Decompressor> decompressor,
                Options options)
      : raw_(std::move(raw)), decompressor_(std::move(decompressor)), options_(options) {}
  Result<int64_t> ReadNew(int64_t nbytes, void* out);
  Result<int64_t> Unpack(int64_t nbytes, uint8_t* out);
  Result<bool> HasPacked();
  Result<bool> BeginsAnother();
  Result<char> LookAt(size_t place, LineEnds ends);

  const std::shared_ptr<arrow::io::InputStream> raw_;
  const std::shared_ptr<arrow::util::Decompressor> decompressor_;  // null: nothing is packed
  const Options options_;
  std::shared_ptr<arrow::Buffer> packed_;  // read, and from in_packed_ on not unpacked
  int64_t in_packed_ = 0;
  bool in_member_ = false;  // a gzip member or zstd frame has begun and not ended
  ContentHash hash_;
  int64_t num_unpacked_ = 0;
  std::string kept_;  // read by SkipTo, and behind the mark
};

}  // namespace firn::source
