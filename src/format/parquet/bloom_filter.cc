#include "format/parquet/bloom_filter.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/util/bit_util.h>
#include <parquet/bloom_filter.h>
#include <parquet/exception.h>
#include <parquet/types.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

namespace firn::format::parquet {
namespace {

constexpr int64_t kDecimalBytes = 16;
constexpr int64_t kFilterBytesMax = ::parquet::BloomFilter::kMaximumBloomFilterBytes;
constexpr int64_t kFilterBytesMin = ::parquet::BlockSplitBloomFilter::kMinimumBloomFilterBytes;

template <typename T>
T ValueAt(const arrow::ArrayData& values, int64_t slot, int64_t width = sizeof(T)) {
  T value;
  std::memcpy(&value, values.buffers[1]->data() + slot * width, sizeof(T));
  return value;
}

std::string_view BytesAt(const arrow::ArrayData& values, int64_t slot) {
  const auto* offsets = reinterpret_cast<const int32_t*>(values.buffers[1]->data()) + slot;
  const auto size = static_cast<size_t>(offsets[1] - offsets[0]);
  if (size == 0) return {};
  return {reinterpret_cast<const char*>(values.buffers[2]->data()) + offsets[0], size};
}

// Parquet has decimals in fixed bytes with the highest first.
std::array<uint8_t, kDecimalBytes> BigEndianAt(const arrow::ArrayData& values, int64_t slot) {
  auto bytes = ValueAt<std::array<uint8_t, kDecimalBytes>>(values, slot);
  std::ranges::reverse(bytes);
  return bytes;
}

}  // namespace

bool HasBloomFilter(const LeafShape& leaf) {
  return leaf.kind != LeafKind::kBoolean;
}

LeafBloomFilter::LeafBloomFilter(const LeafShape& leaf, const BloomFilterShape& shape, arrow::MemoryPool* pool)
    : leaf_(leaf), shape_(shape), pool_(pool) {}

LeafBloomFilter::~LeafBloomFilter() = default;

Status LeafBloomFilter::Open() {
  const int64_t most = std::clamp(shape_.bytes_max, kFilterBytesMin, kFilterBytesMax);
  auto bytes = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(most)));
  if (shape_.ndv > 0) {
    bytes = std::min<int64_t>(
        bytes, ::parquet::BlockSplitBloomFilter::OptimalNumOfBytes(static_cast<uint64_t>(shape_.ndv), shape_.fpp));
  }
  try {
    filter_ = std::make_unique<::parquet::BlockSplitBloomFilter>(pool_);
    filter_->Init(static_cast<uint32_t>(bytes));
  } catch (const ::parquet::ParquetStatusException& error) {
    return error.status();
  } catch (const std::exception& error) {
    return MakeError(Fault::kBug, std::string("parquet: bloom filter: ") + error.what());
  }
  return Status::OK();
}

uint64_t LeafBloomFilter::HashOf(const arrow::ArrayData& values, int64_t slot) const {
  switch (leaf_.kind) {
    case LeafKind::kInt32:
      return filter_->Hash(ValueAt<int32_t>(values, slot));
    case LeafKind::kInt64:
      return filter_->Hash(ValueAt<int64_t>(values, slot));
    case LeafKind::kFloat:
      return filter_->Hash(ValueAt<float>(values, slot));
    case LeafKind::kDouble:
      return filter_->Hash(ValueAt<double>(values, slot));
    case LeafKind::kDecimal32:
      return filter_->Hash(ValueAt<int32_t>(values, slot, kDecimalBytes));
    case LeafKind::kDecimal64:
      return filter_->Hash(ValueAt<int64_t>(values, slot, kDecimalBytes));
    case LeafKind::kDecimalBytes: {
      const auto bytes = BigEndianAt(values, slot);
      const ::parquet::FLBA value(bytes.data() + (kDecimalBytes - leaf_.width));
      return filter_->Hash(&value, static_cast<uint32_t>(leaf_.width));
    }
    case LeafKind::kFixed: {
      const ::parquet::FLBA value(values.buffers[1]->data() + slot * leaf_.width);
      return filter_->Hash(&value, static_cast<uint32_t>(leaf_.width));
    }
    case LeafKind::kBytes:
      return filter_->Hash(BytesAt(values, slot));
    case LeafKind::kBoolean:
      break;
  }
  return 0;
}

Status LeafBloomFilter::Append(const LeafEntries& entries) {
  const arrow::ArrayData& values = *entries.values;
  const uint8_t* valid = values.buffers.empty() || values.buffers[0] == nullptr || values.null_count == 0
                             ? nullptr
                             : values.buffers[0]->data();
  for (const Segment& segment : entries.entries->segments) {
    if (segment.level >= 0 || segment.count == 0) continue;
    if (filter_ == nullptr) ARROW_RETURN_NOT_OK(Open());
    const int64_t begin = values.offset + entries.shift + segment.start;
    for (int64_t slot = begin; slot < begin + segment.count; ++slot) {
      if (valid != nullptr && !arrow::bit_util::GetBit(valid, slot)) continue;
      filter_->InsertHash(HashOf(values, slot));
    }
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::Buffer>> LeafBloomFilter::End() {
  if (filter_ == nullptr) return std::shared_ptr<arrow::Buffer>();
  const auto filter = std::move(filter_);
  ARROW_ASSIGN_OR_RAISE(const auto out, arrow::io::BufferOutputStream::Create(1024, pool_));
  try {
    filter->FoldToTargetFpp(shape_.fpp);
    filter->WriteTo(out.get());
  } catch (const ::parquet::ParquetStatusException& error) {
    return error.status();
  } catch (const std::exception& error) {
    return MakeError(Fault::kBug, std::string("parquet: bloom filter: ") + error.what());
  }
  return out->Finish();
}

}  // namespace firn::format::parquet
