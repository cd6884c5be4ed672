#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "format/parquet/page_compressor.h"
#include "format/parquet/page_header.h"
#include "format/parquet/pool_vector.h"
#include "format/parquet/run_encoding.h"
#include "format/parquet/shredder.h"

namespace firn::format::parquet {

/// How a leaf is stored. Decimals arrive as Arrow decimal128.
enum class LeafKind {
  kBoolean,
  kInt32,
  kInt64,
  kFloat,
  kDouble,
  kDecimal32,     // as INT32
  kDecimal64,     // as INT64
  kDecimalBytes,  // as FIXED_LEN_BYTE_ARRAY of `width`, big-endian
  kBytes,         // BYTE_ARRAY
  kFixed,         // FIXED_LEN_BYTE_ARRAY of `width`
};

struct LeafShape {
  LeafKind kind = LeafKind::kInt32;
  int32_t width = 0;
  bool nullable = true;
  int16_t max_definition = 0;
  int16_t max_repetition = 0;
};

struct PageLimits {
  int64_t page_bytes = int64_t{1} << 20;        // a page ends here; a longer value is alone in its page
  int64_t page_entries = int64_t{1} << 18;      // or here, nulls included
  int64_t dictionary_bytes = int64_t{1} << 20;  // a larger dictionary is given up
};

/// What is known of the values of a chunk or of a file.
struct ColumnStatistics {
  int64_t num_entries = 0;  // nulls and empty lists included
  int64_t num_nulls = 0;    // entries without a value
  int64_t num_nans = 0;
  /// The smallest and the largest value that is not NaN, in the order of the logical type, PLAIN without a length:
  /// numbers as they are, with -0.0 < +0.0; byte strings cut to BytesRange::kBytesMax.
  bool has_range = false;
  std::string low, high;
};

/// An encoded column chunk.
struct ColumnChunk {
  std::vector<std::shared_ptr<arrow::Buffer>> dictionary;  // header and page, in order; empty without one
  std::vector<std::shared_ptr<arrow::Buffer>> pages;       // headers and pages, in order
  int64_t dictionary_bytes = 0;                            // of `dictionary`
  int64_t compressed_bytes = 0;                            // of both
  int64_t uncompressed_bytes = 0;                          // of both, headers included
  int32_t num_plain_pages = 0;
  int32_t num_dictionary_pages = 0;  // data pages of indices
  ColumnStatistics statistics;
};

/// Values of consecutive slots of an array, all valid.
struct SlotRun {
  int64_t start = 0;
  int64_t count = 0;
};

/// What a thread needs to encode; lent to one encoder at a time.
struct Workspace {
  Workspace(std::unique_ptr<PageCompressor> made, arrow::MemoryPool* pool)
      : compressor(std::move(made)), values(pool) {}
  std::unique_ptr<PageCompressor> compressor;
  Bytes values;  // indices of a page, encoded
  bool page_checksums = false;
  // Of the batch being appended:
  std::vector<SlotRun> runs;
  std::vector<uint8_t> levels;  // a byte for each entry, and some more
};

/// Encodes one leaf, row group after row group, from entries to compressed pages. A dictionary is begun with and given
/// up as soon as it does not pay: by the share of new values among the first ones, by compressing a sample both ways,
/// at its size limit, or at a value that no dictionary should hold. Holds compressed pages and the open one, nothing of
/// the batches. Used by one thread at a time; distinct encoders are independent.
class ColumnEncoder {
 public:
  static std::unique_ptr<ColumnEncoder> Make(const LeafShape& shape, const PageLimits& limits, arrow::MemoryPool* pool);
  virtual ~ColumnEncoder() = default;

  /// Errors: OutOfMemory.
  Status Append(const LeafEntries& entries, Workspace* workspace);
  /// Ends the open page and the chunk.
  Result<ColumnChunk> EndChunk(Workspace* workspace);

  /// Compresses the open page, if it holds at least `bytes_min`, and gives its memory back.
  Status ShrinkPage(int64_t bytes_min, Workspace* workspace);

  /// PLAIN bytes of the values in the open chunk, an estimate of their size in memory.
  int64_t value_bytes() const { return value_bytes_; }
  /// Of all chunks that were ended.
  const ColumnStatistics& file_statistics() const { return file_statistics_; }

 protected:
  static constexpr int64_t kJudgedFirst = 256;

  ColumnEncoder(const LeafShape& shape, const PageLimits& limits, arrow::MemoryPool* pool, bool dictionary);

  /// Appends the values of the runs, which ascend; their levels have been put.
  virtual Status AppendRuns(const arrow::ArrayData& values, std::span<const SlotRun> runs, Workspace* workspace) = 0;
  /// True if pages could end within the slots from `start` on: then AppendRun is called instead.
  virtual bool MayCut(const arrow::ArrayData& /*values*/, int64_t /*start*/, int64_t /*count*/) const { return false; }
  /// Appends a run and calls PutPresent for its values, page after page.
  virtual Status AppendRun(const arrow::ArrayData& /*values*/, SlotRun /*run*/, Workspace* /*workspace*/) {
    return MakeError(Fault::kBug, "parquet: values of this type do not end pages");
  }
  /// Distinct values of the dictionary and their PLAIN bytes.
  virtual int64_t dictionary_size() const { return 0; }
  virtual Part dictionary_plain() const { return {}; }
  /// Appends the values of indices_ to plain_.
  virtual Status IndicesToPlain() { return Status::OK(); }
  /// Takes the dictionary's values into the range, and counts the NaN among indices_.
  virtual void RangeOfDictionary() {}
  virtual void CountNanIndices() {}
  virtual void ReleaseDictionary() {}
  /// Puts the chunk's range into `statistics`, as Parquet wants it, and adds it to the file's.
  virtual void EndRange(ColumnStatistics* chunk, ColumnStatistics* file) = 0;
  /// Ends values of a PLAIN page that wait elsewhere (booleans).
  virtual void EndPlain() {}

  Status PutPresent(int64_t count) { return PutLevels(static_cast<uint32_t>(shape_.max_definition), count); }
  Status PutLevels(uint32_t definition, int64_t count);
  /// How many of `count` values can be indexed before the dictionary is judged again.
  int64_t UntilJudged(int64_t count) const { return std::min(count, judge_next_ - num_indexed_); }
  /// True if so many values have been indexed since the last judgement that the next is due.
  bool JudgementDue() const { return num_indexed_ >= judge_next_; }
  /// After values were indexed: gives the dictionary up if it does not pay.
  Status JudgeDictionary(Workspace* workspace);
  Status GiveUpDictionary();
  Status CutPage(Workspace* workspace);
  /// A page of one value that is not copied. PutPresent(1) was called.
  Status EmitPlainPage(std::span<const Part> values, Workspace* workspace);

  const LeafShape shape_;
  const PageLimits limits_;
  const bool may_use_dictionary_;
  bool uses_dictionary_;
  int64_t value_bytes_ = 0;
  PoolVector<uint32_t> indices_;  // of the open page
  Bytes plain_;                   // values of the open page
  int64_t page_entries_ = 0;
  int64_t num_indexed_ = 0;    // values of the chunk that went through the dictionary
  int64_t indexed_bytes_ = 0;  // the same, PLAIN

 private:
  Status AppendInOrder(const LeafEntries& leaf, const uint8_t* bitmap, Workspace* workspace);
  Status PutBits(const LeafEntries& leaf, const uint8_t* bitmap, Workspace* workspace);
  Status PutSegments(const LeafEntries& leaf, uint32_t level_of_value);
  Status PutNulls(uint32_t level, int64_t count) {
    chunk_.statistics.num_nulls += count;
    return PutLevels(level, count);
  }
  Status PutRepetitions(int64_t count);
  bool MayCutWithin(const LeafEntries& leaf) const;
  bool PageFull() const;
  Status EmitPage(ValueEncoding encoding, std::span<const Part> values, Workspace* workspace);
  Status EmitDictionary(Workspace* workspace);
  Status Emit(PageHeader header, std::span<const Part> parts, std::vector<std::shared_ptr<arrow::Buffer>>* out,
              Workspace* workspace);
  Result<bool> SampleFavoursPlain(double share_of_new, Workspace* workspace);

  arrow::MemoryPool* const pool_;
  LevelEncoder definitions_;
  LevelEncoder repetitions_;
  const std::vector<RepetitionRun>* incoming_ = nullptr;  // of the batch being appended
  size_t incoming_run_ = 0;
  int64_t incoming_used_ = 0;
  int64_t judge_next_ = kJudgedFirst;
  int64_t judged_at_ = 0;  // num_indexed_ and dictionary_size() when the dictionary was judged last
  int64_t judged_size_ = 0;
  double judged_share_ = 1;  // of new values, then
  ColumnChunk chunk_;
  ColumnStatistics file_statistics_;
};

}  // namespace firn::format::parquet
