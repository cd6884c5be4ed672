#include "format/parquet/column_encoder.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <zlib.h>

#include <array>
#include <limits>
#include <utility>

#include "format/parquet/bit_runs.h"

namespace firn::format::parquet {

namespace {

/// When a dictionary is judged: after so many values, and how many times its limit it may be expected to grow to. A
/// column of unique values leaves after 1,024.
struct Judgement {
  int64_t num_values;
  double size_max;
};
constexpr std::array<Judgement, 5> kJudgements = {
    {{256, 1e9}, {1'024, 4}, {4'096, 1.5}, {16'384, 1.25}, {65'536, 1.25}}};
/// What a chunk is expected to hold, where the cost of a dictionary is spread over its values.
constexpr double kChunkValues = 1 << 19;
/// The share of new values of a column whose dictionary never ends does not fall.
constexpr double kSteadyShare = 0.98;
/// At this judgement a sample is compressed both ways, if the dictionary still grows.
constexpr int64_t kSampleValues = 16'384;
constexpr double kGrowsFrom = 0.02;
/// Of a chunk of one page: a dictionary must save at least this share of the PLAIN bytes, and what its page costs.
constexpr double kWorthShare = 0.9;
constexpr double kDictionaryPageBytes = 64;
/// Longer bounds are no statistics.
constexpr size_t kBoundBytesMax = 1024;

int64_t SizeOf(std::span<const Part> parts) {
  int64_t size = 0;
  for (const Part& part : parts) size += static_cast<int64_t>(part.size());
  return size;
}

Part PartOf(const Bytes& bytes) {
  return {bytes.data(), static_cast<size_t>(bytes.size())};
}

}  // namespace

ColumnEncoder::ColumnEncoder(const LeafShape& shape, const PageLimits& limits, arrow::MemoryPool* pool, bool dictionary)
    : shape_(shape),
      limits_(limits),
      may_use_dictionary_(dictionary),
      uses_dictionary_(dictionary),
      indices_(pool),
      plain_(pool),
      pool_(pool),
      definitions_(std::max<int>(1, shape.max_definition), pool),
      repetitions_(std::max<int>(1, shape.max_repetition), pool) {}

// First the levels of all entries, then all values at once: of sparse columns a run is a value or two, and what is paid
// per run would be most of the cost.
Status ColumnEncoder::Append(const LeafEntries& leaf, Workspace* workspace) {
  incoming_ = leaf.repetitions;
  incoming_run_ = 0;
  incoming_used_ = 0;
  const arrow::ArrayData& values = *leaf.values;
  const bool has_nulls = shape_.nullable && values.buffers[0] != nullptr && values.null_count != 0;
  const uint8_t* bitmap = has_nulls ? values.buffers[0]->data() : nullptr;
  const auto level_max = static_cast<uint32_t>(shape_.max_definition);
  std::vector<SlotRun>& runs = workspace->runs;
  runs.clear();
  if (has_nulls && values.null_count == values.length) {
    ARROW_RETURN_NOT_OK(PutSegments(leaf, level_max - 1));
  } else if (MayCutWithin(leaf)) {
    ARROW_RETURN_NOT_OK(AppendInOrder(leaf, bitmap, workspace));
  } else if (bitmap == nullptr) {
    for (const Segment& segment : leaf.entries->segments) {
      if (segment.level < 0) runs.push_back({segment.start + leaf.shift, segment.count});
    }
    ARROW_RETURN_NOT_OK(PutSegments(leaf, level_max));
  } else {
    ARROW_RETURN_NOT_OK(PutBits(leaf, bitmap, workspace));
  }
  if (!runs.empty()) ARROW_RETURN_NOT_OK(AppendRuns(values, runs, workspace));
  return PageFull() ? CutPage(workspace) : Status::OK();
}

// The levels of a leaf that has a value, or none, in every slot.
Status ColumnEncoder::PutSegments(const LeafEntries& leaf, uint32_t level_of_value) {
  const bool is_null = level_of_value < static_cast<uint32_t>(shape_.max_definition);
  for (const Segment& segment : leaf.entries->segments) {
    if (segment.level >= 0 || is_null) chunk_.statistics.num_nulls += segment.count;
    const uint32_t level = segment.level >= 0 ? static_cast<uint32_t>(segment.level) : level_of_value;
    if (shape_.max_definition > 0) ARROW_RETURN_NOT_OK(definitions_.Put(level, segment.count));
  }
  page_entries_ += leaf.entries->count;
  return shape_.max_repetition > 0 ? PutRepetitions(leaf.entries->count) : Status::OK();
}

// The levels of a leaf with nulls of its own, by way of a byte for each, and the runs of its values.
Status ColumnEncoder::PutBits(const LeafEntries& leaf, const uint8_t* bitmap, Workspace* workspace) {
  constexpr int64_t kSlack = 16;
  std::vector<uint8_t>& levels = workspace->levels;
  const int64_t count = leaf.entries->count;
  if (static_cast<int64_t>(levels.size()) < count + kSlack) levels.resize(static_cast<size_t>(2 * count + kSlack));
  uint8_t* out = levels.data();
  const auto fill = [&](int32_t level, int64_t length) {
    // Most runs are a few entries: what is written too much is overwritten by the next.
    std::memset(out, level, kSlack);
    if (length > kSlack) std::memset(out + kSlack, level, static_cast<size_t>(length - kSlack));
    out += length;
  };
  std::vector<SlotRun>& runs = workspace->runs;
  const auto put = [&](bool valid, int64_t start, int64_t length) {
    fill(shape_.max_definition - !valid, length);
    if (!valid) {
      chunk_.statistics.num_nulls += length;
    } else if (!runs.empty() && runs.back().start + runs.back().count == start) {
      runs.back().count += length;
    } else {
      runs.push_back({start, length});
    }
  };
  for (const Segment& segment : leaf.entries->segments) {
    if (segment.level >= 0) {
      chunk_.statistics.num_nulls += segment.count;
      fill(segment.level, segment.count);
      continue;
    }
    const int64_t start = segment.start + leaf.shift;
    VisitBitRuns(bitmap, leaf.values->offset + start, segment.count,
                 [&](bool valid, int64_t position, int64_t length) { put(valid, start + position, length); });
  }
  page_entries_ += count;
  ARROW_RETURN_NOT_OK(definitions_.PutBytes(levels.data(), count));
  return shape_.max_repetition > 0 ? PutRepetitions(count) : Status::OK();
}

// Pages may end between two values.
Status ColumnEncoder::AppendInOrder(const LeafEntries& leaf, const uint8_t* bitmap, Workspace* workspace) {
  const arrow::ArrayData& values = *leaf.values;
  const auto null_level = static_cast<uint32_t>(shape_.max_definition - 1);
  for (const Segment& segment : leaf.entries->segments) {
    const int64_t start = segment.start + leaf.shift;
    Status status;
    if (segment.level >= 0) {
      status = PutNulls(static_cast<uint32_t>(segment.level), segment.count);
    } else if (bitmap == nullptr) {
      status = AppendRun(values, {start, segment.count}, workspace);
    } else {
      VisitBitRuns(bitmap, values.offset + start, segment.count, [&](bool valid, int64_t position, int64_t length) {
        if (!status.ok()) return;
        status = valid ? AppendRun(values, {start + position, length}, workspace) : PutNulls(null_level, length);
      });
    }
    ARROW_RETURN_NOT_OK(status);
  }
  return Status::OK();
}

bool ColumnEncoder::MayCutWithin(const LeafEntries& leaf) const {
  int64_t begin = std::numeric_limits<int64_t>::max(), end = 0;
  for (const Segment& segment : leaf.entries->segments) {
    if (segment.level >= 0) continue;
    begin = std::min(begin, segment.start + leaf.shift);
    end = std::max(end, segment.start + leaf.shift + segment.count);
  }
  return begin < end && MayCut(*leaf.values, begin, end - begin);
}

bool ColumnEncoder::PageFull() const {
  const int64_t index_bytes = indices_.size() * static_cast<int64_t>(sizeof(uint32_t));
  return plain_.size() >= limits_.page_bytes || index_bytes >= limits_.page_bytes ||
         page_entries_ >= limits_.page_entries;
}

Status ColumnEncoder::PutLevels(uint32_t definition, int64_t count) {
  page_entries_ += count;
  if (shape_.max_definition > 0) ARROW_RETURN_NOT_OK(definitions_.Put(definition, count));
  return shape_.max_repetition > 0 ? PutRepetitions(count) : Status::OK();
}

Status ColumnEncoder::PutRepetitions(int64_t count) {
  while (count > 0) {
    const RepetitionRun& run = (*incoming_)[incoming_run_];
    const int64_t take = std::min(count, run.count - incoming_used_);
    ARROW_RETURN_NOT_OK(repetitions_.Put(run.level, take));
    count -= take;
    incoming_used_ += take;
    if (incoming_used_ == run.count) {
      ++incoming_run_;
      incoming_used_ = 0;
    }
  }
  return Status::OK();
}

Status ColumnEncoder::JudgeDictionary(Workspace* workspace) {
  if (static_cast<int64_t>(dictionary_plain().size()) > limits_.dictionary_bytes) return GiveUpDictionary();
  if (!JudgementDue()) return Status::OK();
  judge_next_ = num_indexed_ + kSampleValues;  // the size limit is looked at
  for (size_t i = kJudgements.size(); i-- > 0;) {
    if (num_indexed_ < kJudgements[i].num_values) judge_next_ = kJudgements[i].num_values;
  }
  for (const Judgement& judgement : kJudgements) {
    if (num_indexed_ != judgement.num_values) continue;
    const auto now = static_cast<double>(num_indexed_), before = static_cast<double>(judged_at_);
    const auto gained = static_cast<double>(dictionary_size() - judged_size_);
    const double share = gained / (now - before);
    // Of values drawn from N, (now² - before²) / 2N of those since `before` were there already.
    const double expected = (now * now - before * before) / 2 / std::max(now - before - gained, 0.5);
    const bool steady = share > judged_share_ * kSteadyShare;
    judged_at_ = num_indexed_;
    judged_size_ = dictionary_size();
    judged_share_ = share;
    const double expected_bytes = expected * static_cast<double>(indexed_bytes_) / now;
    if (expected_bytes > judgement.size_max * static_cast<double>(limits_.dictionary_bytes)) return GiveUpDictionary();
    if (num_indexed_ != kSampleValues || share < kGrowsFrom || chunk_.num_dictionary_pages > 0) continue;
    const double share_to_come = steady ? share : std::min(share, expected / kChunkValues);
    ARROW_ASSIGN_OR_RAISE(const bool plain, SampleFavoursPlain(share_to_come, workspace));
    if (plain) return GiveUpDictionary();
  }
  return Status::OK();
}

// Compares the compressed bytes a value costs. The dictionary is charged by the values it still gains.
Result<bool> ColumnEncoder::SampleFavoursPlain(double share_of_new, Workspace* workspace) {
  const auto count = static_cast<double>(indices_.size());
  if (indices_.empty() || !plain_.empty()) return false;
  workspace->values.Clear();
  ARROW_RETURN_NOT_OK(
      AppendIndices(indices_.data(), indices_.size(), IndexWidth(dictionary_size()), &workspace->values));
  const Part encoded[] = {PartOf(workspace->values)};
  ARROW_ASSIGN_OR_RAISE(const int64_t index_bytes, workspace->compressor->CompressedSize(encoded));
  const Part dictionary[] = {dictionary_plain()};
  ARROW_ASSIGN_OR_RAISE(const int64_t dictionary_bytes, workspace->compressor->CompressedSize(dictionary));
  ARROW_RETURN_NOT_OK(IndicesToPlain());
  const Part values[] = {PartOf(plain_)};
  ARROW_ASSIGN_OR_RAISE(const int64_t plain_bytes, workspace->compressor->CompressedSize(values));
  plain_.Clear();
  const double with_dictionary = static_cast<double>(index_bytes) / count + static_cast<double>(dictionary_bytes) /
                                                                                static_cast<double>(dictionary_size()) *
                                                                                share_of_new;
  return static_cast<double>(plain_bytes) / count < with_dictionary;
}

// Values of the open page are written as they are; earlier pages of indices keep the dictionary.
Status ColumnEncoder::GiveUpDictionary() {
  uses_dictionary_ = false;
  CountNanIndices();
  RangeOfDictionary();
  ARROW_RETURN_NOT_OK(IndicesToPlain());
  indices_.Release();
  if (chunk_.num_dictionary_pages == 0) ReleaseDictionary();
  return Status::OK();
}

Status ColumnEncoder::CutPage(Workspace* workspace) {
  if (page_entries_ == 0) return Status::OK();
  if (!uses_dictionary_ || dictionary_size() == 0) {
    EndPlain();
    const Part values[] = {PartOf(plain_)};
    ARROW_RETURN_NOT_OK(EmitPage(ValueEncoding::kPlain, values, workspace));
    plain_.Clear();
    return Status::OK();
  }
  CountNanIndices();
  const int width = IndexWidth(dictionary_size());
  workspace->values.Clear();
  ARROW_RETURN_NOT_OK(workspace->values.Reserve(1));
  workspace->values.Add(static_cast<uint8_t>(width));
  ARROW_RETURN_NOT_OK(AppendIndices(indices_.data(), indices_.size(), width, &workspace->values));
  const Part values[] = {PartOf(workspace->values)};
  ARROW_RETURN_NOT_OK(EmitPage(ValueEncoding::kRleDictionary, values, workspace));
  indices_.Clear();
  return Status::OK();
}

Status ColumnEncoder::ShrinkPage(int64_t bytes_min, Workspace* workspace) {
  const int64_t index_bytes = indices_.size() * static_cast<int64_t>(sizeof(uint32_t));
  if (plain_.size() + index_bytes < bytes_min) return Status::OK();
  ARROW_RETURN_NOT_OK(CutPage(workspace));
  plain_.Release();
  indices_.Release();
  return Status::OK();
}

Status ColumnEncoder::EmitPlainPage(std::span<const Part> values, Workspace* workspace) {
  return EmitPage(ValueEncoding::kPlain, values, workspace);
}

// A data page of version 1: repetition levels, definition levels, values, compressed together; levels that can only be
// 0 are left out, others have their length before them (parquet-format, "Data Pages").
Status ColumnEncoder::EmitPage(ValueEncoding encoding, std::span<const Part> values, Workspace* workspace) {
  std::array<uint32_t, 2> lengths = {};
  std::vector<Part> parts;
  const auto add_levels = [&](LevelEncoder& levels, uint32_t* length) -> Status {
    ARROW_RETURN_NOT_OK(levels.Finish());
    *length = static_cast<uint32_t>(levels.size_bytes());
    parts.emplace_back(reinterpret_cast<const uint8_t*>(length), sizeof(*length));
    parts.push_back(PartOf(levels.bytes()));
    return Status::OK();
  };
  if (shape_.max_repetition > 0) ARROW_RETURN_NOT_OK(add_levels(repetitions_, &lengths[0]));
  if (shape_.max_definition > 0) ARROW_RETURN_NOT_OK(add_levels(definitions_, &lengths[1]));
  parts.insert(parts.end(), values.begin(), values.end());
  ARROW_RETURN_NOT_OK(
      Emit({.num_values = static_cast<int32_t>(page_entries_), .encoding = encoding}, parts, &chunk_.pages, workspace));
  repetitions_.Clear();
  definitions_.Clear();
  chunk_.statistics.num_entries += std::exchange(page_entries_, 0);
  ++(encoding == ValueEncoding::kPlain ? chunk_.num_plain_pages : chunk_.num_dictionary_pages);
  return Status::OK();
}

Status ColumnEncoder::EmitDictionary(Workspace* workspace) {
  const Part values[] = {dictionary_plain()};
  const int64_t before = chunk_.compressed_bytes;
  ARROW_RETURN_NOT_OK(Emit({.is_dictionary = true, .num_values = static_cast<int32_t>(dictionary_size())}, values,
                           &chunk_.dictionary, workspace));
  chunk_.dictionary_bytes = chunk_.compressed_bytes - before;
  return Status::OK();
}

namespace {

uint32_t ChecksumOf(std::span<const std::shared_ptr<arrow::Buffer>> buffers) {
  uLong sum = crc32(0, nullptr, 0);
  for (const auto& buffer : buffers) sum = crc32_z(sum, buffer->data(), static_cast<size_t>(buffer->size()));
  return static_cast<uint32_t>(sum);
}

}  // namespace

Status ColumnEncoder::Emit(PageHeader header, std::span<const Part> parts,
                           std::vector<std::shared_ptr<arrow::Buffer>>* out, Workspace* workspace) {
  const size_t place = out->size();
  out->push_back(nullptr);  // the header knows the compressed size
  ARROW_ASSIGN_OR_RAISE(const int64_t compressed, workspace->compressor->Compress(parts, out));
  const int64_t uncompressed = SizeOf(parts);
  if (std::max(compressed, uncompressed) > std::numeric_limits<int32_t>::max()) {
    return MakeError(Fault::kBadData, "a page of " + std::to_string(uncompressed) + " bytes is too large for Parquet");
  }
  header.compressed_bytes = static_cast<int32_t>(compressed);
  header.uncompressed_bytes = static_cast<int32_t>(uncompressed);
  if (workspace->page_checksums) header.crc32 = ChecksumOf(std::span(*out).subspan(place + 1));
  (*out)[place] = arrow::Buffer::FromString(header.Encode());
  chunk_.compressed_bytes += (*out)[place]->size() + compressed;
  chunk_.uncompressed_bytes += (*out)[place]->size() + uncompressed;
  return Status::OK();
}

Result<ColumnChunk> ColumnEncoder::EndChunk(Workspace* workspace) {
  if (uses_dictionary_ && chunk_.num_dictionary_pages == 0 && !indices_.empty()) {
    const auto with_dictionary = kDictionaryPageBytes + static_cast<double>(dictionary_plain().size()) +
                                 static_cast<double>(indices_.size() * IndexWidth(dictionary_size())) / 8;
    if (with_dictionary > kWorthShare * static_cast<double>(indexed_bytes_)) ARROW_RETURN_NOT_OK(GiveUpDictionary());
  }
  ARROW_RETURN_NOT_OK(CutPage(workspace));
  if (chunk_.num_dictionary_pages > 0) ARROW_RETURN_NOT_OK(EmitDictionary(workspace));
  if (uses_dictionary_) RangeOfDictionary();
  file_statistics_.num_entries += chunk_.statistics.num_entries;
  file_statistics_.num_nulls += chunk_.statistics.num_nulls;
  EndRange(&chunk_.statistics, &file_statistics_);
  if (chunk_.statistics.low.size() > kBoundBytesMax || chunk_.statistics.high.size() > kBoundBytesMax) {
    chunk_.statistics.has_range = false;
  }
  indices_.Release();
  plain_.Release();
  ReleaseDictionary();
  uses_dictionary_ = may_use_dictionary_;
  value_bytes_ = num_indexed_ = indexed_bytes_ = judged_at_ = judged_size_ = 0;
  judged_share_ = 1;
  judge_next_ = kJudgedFirst;
  return std::exchange(chunk_, {});
}

}  // namespace firn::format::parquet
