// The encoders of the physical types: ColumnEncoder::Make.
#include <arrow/array/data.h>
#include <arrow/buffer.h>

#include <utility>

#include "format/parquet/bit_runs.h"
#include "format/parquet/column_encoder.h"
#include "format/parquet/dictionary.h"
#include "format/parquet/value_range.h"

namespace firn::format::parquet {

namespace {

/// Longer values make no dictionary: hashing and comparing them costs more than zstd does.
constexpr size_t kDictionaryValueBytesMax = 1024;
constexpr int64_t kConvertedMax = 1024;
constexpr int64_t kDecimalBytes = 16;
constexpr int64_t kJudgedEvery = 256;  // divides the numbers of values at which a dictionary is judged

template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));  // all targets are little-endian
}

/// Values of Arrow type T or, of decimals, the low bytes of 16.
template <typename T, bool kFromDecimal>
class NumberEncoder final : public ColumnEncoder {
 public:
  NumberEncoder(const LeafShape& shape, const PageLimits& limits, arrow::MemoryPool* pool)
      : ColumnEncoder(shape, limits, pool, /*dictionary=*/true), dictionary_(pool) {}

 private:
  Status AppendRuns(const arrow::ArrayData& values, std::span<const SlotRun> runs, Workspace* workspace) override {
    const uint8_t* source = values.buffers[1]->data() + values.offset * kSourceBytes;
    if (!kFromDecimal && runs.size() == 1) {
      return AppendNumbers(reinterpret_cast<const T*>(source) + runs[0].start, runs[0].count, workspace);
    }
    T numbers[kConvertedMax];
    int64_t size = 0;
    for (const SlotRun& run : runs) {
      for (int64_t i = run.start; i < run.start + run.count; ++i) {
        std::memcpy(&numbers[size], source + i * kSourceBytes, sizeof(T));
        if (++size < kConvertedMax) continue;
        ARROW_RETURN_NOT_OK(AppendNumbers(numbers, std::exchange(size, 0), workspace));
      }
    }
    return AppendNumbers(numbers, size, workspace);
  }

  Status AppendNumbers(const T* values, int64_t count, Workspace* workspace) {
    value_bytes_ += count * static_cast<int64_t>(sizeof(T));
    while (uses_dictionary_ && count > 0) {
      const int64_t take = UntilJudged(count);
      ARROW_RETURN_NOT_OK(indices_.Reserve(take));
      ARROW_RETURN_NOT_OK(dictionary_.Index(values, take, indices_.end()));
      indices_.Advance(take);
      num_indexed_ += take;
      indexed_bytes_ += take * static_cast<int64_t>(sizeof(T));
      values += take;
      count -= take;
      ARROW_RETURN_NOT_OK(JudgeDictionary(workspace));
    }
    const int64_t size = count * static_cast<int64_t>(sizeof(T));
    ARROW_RETURN_NOT_OK(plain_.Reserve(size));
    plain_.Add(reinterpret_cast<const uint8_t*>(values), size);
    range_.Add(values, count);
    return Status::OK();
  }

  int64_t dictionary_size() const override { return dictionary_.size(); }
  Part dictionary_plain() const override {
    return {reinterpret_cast<const uint8_t*>(dictionary_.values()), static_cast<size_t>(dictionary_.plain_bytes())};
  }
  Status IndicesToPlain() override {
    ARROW_RETURN_NOT_OK(plain_.Reserve(indices_.size() * static_cast<int64_t>(sizeof(T))));
    const T* values = dictionary_.values();
    uint8_t* out = plain_.end();
    for (int64_t i = 0; i < indices_.size(); ++i) std::memcpy(out + i * sizeof(T), &values[indices_[i]], sizeof(T));
    plain_.Advance(indices_.size() * static_cast<int64_t>(sizeof(T)));
    return Status::OK();
  }
  // A NaN is one value of the dictionary and many of the column: counted by CountNanIndices.
  void RangeOfDictionary() override {
    const int64_t nans = range_.nans();
    range_.Add(dictionary_.values(), dictionary_.size());
    range_.add_nans(nans - range_.nans());
  }
  void CountNanIndices() override {
    if constexpr (std::is_floating_point_v<T>) {
      const T* values = dictionary_.values();
      bool any = false;
      for (int64_t i = 0; i < dictionary_.size(); ++i) any |= Range::IsNan(values[i]);
      for (int64_t i = 0; any && i < indices_.size(); ++i) range_.add_nans(Range::IsNan(values[indices_[i]]));
    }
  }
  void ReleaseDictionary() override { dictionary_.Release(); }
  void EndRange(ColumnStatistics* chunk, ColumnStatistics* file) override {
    chunk->num_nans = range_.nans();
    chunk->has_range = range_.any();
    if (range_.any()) {
      T low = range_.low(), high = range_.high();
      // parquet.thrift, ColumnOrder: a zero bound takes the sign that includes both zeros.
      if (std::is_floating_point_v<T> && low == T{}) low = -T{};
      if (std::is_floating_point_v<T> && high == T{}) high = T{};
      chunk->low = Raw(low);
      chunk->high = Raw(high);
    }
    file_range_.Merge(range_);
    range_ = {};
    file->num_nans = file_range_.nans();
    file->has_range = file_range_.any();
    if (!file_range_.any()) return;
    file->low = Raw(file_range_.low());
    file->high = Raw(file_range_.high());
  }

  using Range = NumberRange<T>;
  static constexpr int64_t kSourceBytes = kFromDecimal ? kDecimalBytes : static_cast<int64_t>(sizeof(T));
  NumberDictionary<T> dictionary_;
  Range range_;
  Range file_range_;
};

/// PLAIN only: a bit a value.
class BooleanEncoder final : public ColumnEncoder {
 public:
  BooleanEncoder(const LeafShape& shape, const PageLimits& limits, arrow::MemoryPool* pool)
      : ColumnEncoder(shape, limits, pool, /*dictionary=*/false) {}

 private:
  Status AppendRuns(const arrow::ArrayData& values, std::span<const SlotRun> runs, Workspace*) override {
    const uint8_t* source = values.buffers[1]->data();
    for (const SlotRun& run : runs) ARROW_RETURN_NOT_OK(AppendBits(source, values.offset + run.start, run.count));
    return Status::OK();
  }
  Status AppendBits(const uint8_t* source, int64_t offset, int64_t count) {
    const int64_t bytes = (num_bits_ + count + 7) / 8;
    ARROW_RETURN_NOT_OK(plain_.Reserve(bytes - plain_.size()));
    if (bytes > plain_.size()) std::memset(plain_.end(), 0, static_cast<size_t>(bytes - plain_.size()));
    plain_.Advance(bytes - plain_.size());
    value_bytes_ += (num_bits_ + count) / 8 - num_bits_ / 8;
    for (int64_t done = 0; done < count; done += 64) {
      const int64_t size = std::min<int64_t>(64, count - done);
      const uint64_t bits = LoadBits(source, offset + done, size);
      any_true_ |= bits != 0;
      any_false_ |= bits != (~uint64_t{0} >> (64 - size));
      StoreBits(bits, size);
    }
    return Status::OK();
  }
  // Room was made and is 0.
  void StoreBits(uint64_t bits, int64_t size) {
    const auto shifted = static_cast<unsigned __int128>(bits) << (num_bits_ % 8);
    uint8_t* out = plain_.data() + num_bits_ / 8;
    const auto num_bytes = static_cast<size_t>((num_bits_ % 8 + size + 7) / 8);
    const uint8_t first = out[0];
    std::memcpy(out, &shifted, num_bytes);
    out[0] |= first;
    num_bits_ += size;
  }
  void EndPlain() override { num_bits_ = 0; }
  void EndRange(ColumnStatistics* chunk, ColumnStatistics* file) override {
    Put(any_false_, any_true_, chunk);
    file_false_ |= any_false_;
    file_true_ |= any_true_;
    any_false_ = any_true_ = false;
    Put(file_false_, file_true_, file);
  }
  static void Put(bool any_false, bool any_true, ColumnStatistics* out) {
    out->has_range = any_false || any_true;
    out->low = std::string(1, any_false ? '\0' : '\1');
    out->high = std::string(1, any_true ? '\1' : '\0');
  }

  int64_t num_bits_ = 0;  // in plain_
  bool any_true_ = false, any_false_ = false;
  bool file_true_ = false, file_false_ = false;
};

/// The values of an Arrow array of strings, binaries or fixed-size binaries.
class ByteSlots {
 public:
  ByteSlots(const arrow::ArrayData& values, int32_t width) : width_(width) {
    if (width_ > 0) {
      data_ = values.buffers[1]->data() + values.offset * width_;
      return;
    }
    offsets_ = values.GetValues<int32_t>(1);
    if (values.buffers[2] == nullptr) return;
    data_ = values.buffers[2]->data();
    size_ = values.buffers[2]->size();
  }
  int64_t begin(int64_t slot) const { return width_ > 0 ? slot * width_ : offsets_[slot]; }
  int64_t size(int64_t slot, int64_t count) const { return begin(slot + count) - begin(slot); }
  std::string_view operator[](int64_t slot) const {
    return {reinterpret_cast<const char*>(data_) + begin(slot), static_cast<size_t>(size(slot, 1))};
  }
  /// True if `slack` bytes after the begin of the slot may be read.
  bool readable(int64_t slot, int64_t slack) const { return begin(slot) + slack <= size_; }

 private:
  const int32_t width_;
  const uint8_t* data_ = nullptr;
  const int32_t* offsets_ = nullptr;
  int64_t size_ = 0;
};

/// BYTE_ARRAY, and FIXED_LEN_BYTE_ARRAY of fixed, uuid and long decimals.
class BytesEncoder final : public ColumnEncoder {
 public:
  BytesEncoder(const LeafShape& shape, const PageLimits& limits, arrow::MemoryPool* pool)
      : ColumnEncoder(shape, limits, pool, /*dictionary=*/true),
        prefix_(shape.kind == LeafKind::kBytes ? 4 : 0),
        is_decimal_(shape.kind == LeafKind::kDecimalBytes),
        dictionary_(shape.kind == LeafKind::kBytes, pool) {}

 private:
  Status AppendRuns(const arrow::ArrayData& values, std::span<const SlotRun> runs, Workspace* workspace) override {
    if (is_decimal_) return AppendDecimals(values, runs, workspace);
    const ByteSlots slots(values, prefix_ > 0 ? 0 : shape_.width);
    for (const SlotRun& run : runs) {
      value_bytes_ += slots.size(run.start, run.count) + prefix_ * run.count;
      ARROW_RETURN_NOT_OK(AppendShort(slots, run.start, run.count, workspace));
    }
    return Status::OK();
  }

  bool MayCut(const arrow::ArrayData& values, int64_t start, int64_t count) const override {
    if (is_decimal_) return false;
    const ByteSlots slots(values, prefix_ > 0 ? 0 : shape_.width);
    return slots.size(start, count) + prefix_ * count > limits_.page_bytes;
  }

  Status AppendRun(const arrow::ArrayData& values, SlotRun run, Workspace* workspace) override {
    const ByteSlots slots(values, prefix_ > 0 ? 0 : shape_.width);
    auto [start, count] = run;
    while (count > 0) {
      const int64_t take = Fitting(slots, start, count);
      if (slots.size(start, take) > limits_.page_bytes) {  // a single one
        ARROW_RETURN_NOT_OK(AppendLong(slots[start], workspace));
      } else {
        ARROW_RETURN_NOT_OK(PutPresent(take));
        value_bytes_ += slots.size(start, take) + prefix_ * take;
        ARROW_RETURN_NOT_OK(AppendShort(slots, start, take, workspace));
      }
      start += take;
      count -= take;
      // Rows of lists stay in one page where they can.
      if (count > 0 && shape_.max_repetition == 0 && plain_.size() >= limits_.page_bytes / 2) {
        ARROW_RETURN_NOT_OK(CutPage(workspace));
      }
    }
    return Status::OK();
  }

  /// How many of the values fit into a page of their own; one at least.
  int64_t Fitting(const ByteSlots& slots, int64_t start, int64_t count) const {
    if (slots.size(start, count) + prefix_ * count <= limits_.page_bytes) return count;
    int64_t bytes = 0;
    for (int64_t i = 0; i < count; ++i) {
      bytes += slots.size(start + i, 1) + prefix_;
      if (bytes > limits_.page_bytes) return std::max<int64_t>(1, i);
    }
    return count;
  }

  Status AppendShort(const ByteSlots& slots, int64_t start, int64_t count, Workspace* workspace) {
    while (uses_dictionary_ && count > 0) {
      const int64_t take = UntilJudged(count);
      ARROW_ASSIGN_OR_RAISE(const int64_t indexed, IndexShort(slots, start, take));
      start += indexed;
      count -= indexed;
      if (indexed == 0) {
        ARROW_RETURN_NOT_OK(GiveUpDictionary());
      } else if (JudgementDue() || dictionary_.plain_bytes() > limits_.dictionary_bytes) {
        ARROW_RETURN_NOT_OK(JudgeDictionary(workspace));
      }
    }
    return AppendPlain(slots, start, count);
  }

  /// Stops before a value that is too long for a dictionary. Returns how many values it took.
  Result<int64_t> IndexShort(const ByteSlots& slots, int64_t start, int64_t count) {
    ARROW_RETURN_NOT_OK(indices_.Reserve(count));
    int64_t i = 0;
    for (; i < count && dictionary_.plain_bytes() <= limits_.dictionary_bytes; ++i) {
      const std::string_view value = slots[start + i];
      if (value.size() > kDictionaryValueBytesMax) break;
      ARROW_ASSIGN_OR_RAISE(const uint32_t index, dictionary_.Index(value));
      indices_.Add(index);
    }
    num_indexed_ += i;
    indexed_bytes_ += slots.size(start, i) + prefix_ * i;
    return i;
  }

  Status AppendPlain(const ByteSlots& slots, int64_t start, int64_t count) {
    constexpr int64_t kSlack = 16;
    if (count == 0) return Status::OK();
    ARROW_RETURN_NOT_OK(plain_.Reserve(slots.size(start, count) + prefix_ * count + kSlack));
    for (int64_t i = start; i < start + count; ++i) {
      const std::string_view value = slots[i];
      const auto length = static_cast<uint32_t>(value.size());
      plain_.Add(reinterpret_cast<const uint8_t*>(&length), prefix_);
      if (length <= kSlack && slots.readable(i, kSlack)) {
        std::memcpy(plain_.end(), value.data(), kSlack);  // faster than a copy of the exact length
        plain_.Advance(length);
        range_.AddReadable(value);
      } else {
        plain_.Add(reinterpret_cast<const uint8_t*>(value.data()), length);
        range_.Add(value);
      }
    }
    return Status::OK();
  }

  /// A page of its own, compressed from where the value lies.
  Status AppendLong(std::string_view value, Workspace* workspace) {
    if (uses_dictionary_) ARROW_RETURN_NOT_OK(GiveUpDictionary());
    ARROW_RETURN_NOT_OK(CutPage(workspace));
    ARROW_RETURN_NOT_OK(PutPresent(1));
    value_bytes_ += static_cast<int64_t>(value.size());
    range_.Add(value);
    const auto length = static_cast<uint32_t>(value.size());
    const Part parts[] = {{reinterpret_cast<const uint8_t*>(&length), static_cast<size_t>(prefix_)},
                          {reinterpret_cast<const uint8_t*>(value.data()), value.size()}};
    return EmitPlainPage(parts, workspace);
  }

  // Big-endian, without the leading bytes that only repeat the sign.
  Status AppendDecimals(const arrow::ArrayData& values, std::span<const SlotRun> runs, Workspace* workspace) {
    char bytes[kDecimalBytes];
    for (const SlotRun& run : runs) {
      value_bytes_ += run.count * shape_.width;
      const uint8_t* source = values.buffers[1]->data() + (values.offset + run.start) * kDecimalBytes;
      for (int64_t i = 0; i < run.count; ++i, source += kDecimalBytes) {
        for (int32_t at = 0; at < shape_.width; ++at) bytes[at] = static_cast<char>(source[shape_.width - 1 - at]);
        ARROW_RETURN_NOT_OK(AppendDecimal({bytes, static_cast<size_t>(shape_.width)}, workspace));
      }
    }
    return Status::OK();
  }
  Status AppendDecimal(std::string_view value, Workspace* workspace) {
    if (uses_dictionary_) {
      ARROW_RETURN_NOT_OK(indices_.Reserve(1));
      ARROW_ASSIGN_OR_RAISE(const uint32_t index, dictionary_.Index(value));
      indices_.Add(index);
      ++num_indexed_;
      indexed_bytes_ += shape_.width;
      return num_indexed_ % kJudgedEvery == 0 ? JudgeDictionary(workspace) : Status::OK();  // also for its size
    }
    ARROW_RETURN_NOT_OK(plain_.Reserve(shape_.width));
    plain_.Add(reinterpret_cast<const uint8_t*>(value.data()), shape_.width);
    AddToRange(value);
    return Status::OK();
  }

  /// Two's complement is in unsigned order once the sign is turned round.
  void AddToRange(std::string_view value) {
    if (!is_decimal_) return range_.Add(value);
    std::string turned(value);
    turned[0] = static_cast<char>(turned[0] ^ 0x80);
    range_.Add(turned);
  }

  int64_t dictionary_size() const override { return dictionary_.size(); }
  Part dictionary_plain() const override {
    return {dictionary_.plain().data(), static_cast<size_t>(dictionary_.plain().size())};
  }
  Status IndicesToPlain() override {
    int64_t size = 0;
    for (int64_t i = 0; i < indices_.size(); ++i) {
      size += static_cast<int64_t>(dictionary_.value(indices_[i]).size()) + prefix_;
    }
    ARROW_RETURN_NOT_OK(plain_.Reserve(size));
    for (int64_t i = 0; i < indices_.size(); ++i) {
      const std::string_view value = dictionary_.value(indices_[i]);
      // Length and bytes lie together.
      plain_.Add(reinterpret_cast<const uint8_t*>(value.data()) - prefix_,
                 static_cast<int64_t>(value.size()) + prefix_);
    }
    return Status::OK();
  }
  void RangeOfDictionary() override {
    for (int64_t i = 0; i < dictionary_.size(); ++i) AddToRange(dictionary_.value(i));
  }
  void ReleaseDictionary() override { dictionary_.Release(); }
  void EndRange(ColumnStatistics* chunk, ColumnStatistics* file) override {
    Put(range_, chunk);
    file_range_.Merge(range_);
    range_ = {};
    Put(file_range_, file);
  }
  void Put(const BytesRange& range, ColumnStatistics* out) const {
    out->has_range = range.any();
    out->low = range.low();
    out->high = range.high();
    if (!is_decimal_ || !range.any()) return;
    out->low[0] = static_cast<char>(out->low[0] ^ 0x80);
    out->high[0] = static_cast<char>(out->high[0] ^ 0x80);
  }

  const int64_t prefix_;  // bytes of the length before a value
  const bool is_decimal_;
  BytesDictionary dictionary_;
  BytesRange range_;
  BytesRange file_range_;
};

}  // namespace

std::unique_ptr<ColumnEncoder> ColumnEncoder::Make(const LeafShape& shape, const PageLimits& limits,
                                                   arrow::MemoryPool* pool) {
  switch (shape.kind) {
    case LeafKind::kBoolean:
      return std::make_unique<BooleanEncoder>(shape, limits, pool);
    case LeafKind::kInt32:
      return std::make_unique<NumberEncoder<int32_t, false>>(shape, limits, pool);
    case LeafKind::kInt64:
      return std::make_unique<NumberEncoder<int64_t, false>>(shape, limits, pool);
    case LeafKind::kFloat:
      return std::make_unique<NumberEncoder<float, false>>(shape, limits, pool);
    case LeafKind::kDouble:
      return std::make_unique<NumberEncoder<double, false>>(shape, limits, pool);
    case LeafKind::kDecimal32:
      return std::make_unique<NumberEncoder<int32_t, true>>(shape, limits, pool);
    case LeafKind::kDecimal64:
      return std::make_unique<NumberEncoder<int64_t, true>>(shape, limits, pool);
    case LeafKind::kDecimalBytes:
    case LeafKind::kBytes:
    case LeafKind::kFixed:
      return std::make_unique<BytesEncoder>(shape, limits, pool);
  }
  return nullptr;
}

}  // namespace firn::format::parquet
