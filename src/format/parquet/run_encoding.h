#pragma once

#include <cstdint>

#include "format/parquet/pool_vector.h"

/// The hybrid of run lengths and bit packing (parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing
/// Hybrid"):
///
///   run     = varint header, then
///             header & 1 == 0: one value in ceil(width / 8) bytes, repeated header >> 1 times
///             header & 1 == 1: (header >> 1) groups of 8 values, each group in `width` bytes, least bits first
namespace firn::format::parquet {

/// Encodes levels that arrive as runs: a run costs the same whatever its length.
class LevelEncoder {
 public:
  /// `level_max`: the largest level, 1 to 255.
  LevelEncoder(int level_max, arrow::MemoryPool* pool);

  Status Put(uint32_t level, int64_t count) {
    if (level == run_level_) {
      run_count_ += count;
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(EndRun());
    run_level_ = level;
    run_count_ = count;
    return Status::OK();
  }
  /// Puts `count` levels of a byte each, where runs are short. Reads up to seven bytes behind the last.
  Status PutBytes(const uint8_t* levels, int64_t count);
  /// Ends the last run; bytes() is then complete.
  Status Finish();
  const Bytes& bytes() const { return bytes_; }
  int64_t size_bytes() const { return bytes_.size(); }
  void Clear();

 private:
  Status EndRun();
  Status AddLiterals(int64_t count);
  uint64_t Packed(uint64_t eight) const;
  Status FlushGroup();

  const int width_;
  const uint64_t ones_;  // 1 in each of the eight values of a group
  Bytes bytes_;
  uint32_t run_level_ = 0;
  int64_t run_count_ = 0;
  uint64_t group_ = 0;  // values that do not fill a group yet
  int group_size_ = 0;
  int64_t literal_header_ = -1;  // where the header byte of the open run of groups is
  int literal_groups_ = 0;
};

/// Bits needed for indices below `count`, at least 1.
int IndexWidth(int64_t count);

/// Appends `count` dictionary indices of `width` bits, at most 32, in the hybrid encoding.
Status AppendIndices(const uint32_t* indices, int64_t count, int width, Bytes* out);

}  // namespace firn::format::parquet
