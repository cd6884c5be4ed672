#include "format/parquet/run_encoding.h"

#include <bit>

namespace firn::format::parquet {

namespace {

constexpr int kGroup = 8;
/// So many groups keep the header of a run in one byte, which can be written before the groups are counted.
constexpr int kGroupsMax = 63;
constexpr int kVarintBytesMax = 10;
constexpr uint64_t kEachByte = 0x0101010101010101;

void AddVarint(uint64_t value, Bytes* out) {
  for (; value >= 0x80; value >>= 7) out->Add(static_cast<uint8_t>(value | 0x80));
  out->Add(static_cast<uint8_t>(value));
}

void AddRepeated(uint32_t value, int64_t count, int width, Bytes* out) {
  AddVarint(static_cast<uint64_t>(count) << 1, out);
  for (int bits = 0; bits < width; bits += 8) out->Add(static_cast<uint8_t>(value >> bits));
}

/// Stores four values as 4 * `width` bits.
unsigned __int128 PackFour(const uint32_t* values, int width) {
  unsigned __int128 bits = values[3];
  bits = (bits << width) | values[2];
  bits = (bits << width) | values[1];
  return (bits << width) | values[0];
}

/// Writes `width` bytes at `out`, and up to 32 in all: the caller reserved them.
void PackGroup(const uint32_t* values, int width, uint8_t* out) {
  const unsigned __int128 low = PackFour(values, width);
  const unsigned __int128 high = PackFour(values + 4, width);
  if (width <= 16) {
    const unsigned __int128 bits = low | (high << (4 * width));
    std::memcpy(out, &bits, sizeof(bits));
    return;
  }
  std::memcpy(out, &low, sizeof(low));
  uint8_t* next = out + width / 2;
  if (width % 2 == 0) {
    std::memcpy(next, &high, sizeof(high));
    return;
  }
  const unsigned __int128 shifted = (high << 4) | (*next & 0x0F);
  std::memcpy(next, &shifted, sizeof(shifted));
}

uint64_t OnesOf(int width) {
  uint64_t ones = 0;
  for (int i = 0; i < kGroup; ++i) ones |= uint64_t{1} << (width * i);
  return ones;
}

bool AllEqual(const uint32_t* values) {
  uint32_t difference = 0;
  for (int i = 1; i < kGroup; ++i) difference |= values[i] ^ values[0];
  return difference == 0;
}

}  // namespace

LevelEncoder::LevelEncoder(int level_max, arrow::MemoryPool* pool)
    : width_(std::bit_width(static_cast<uint32_t>(level_max))), ones_(OnesOf(width_)), bytes_(pool) {}

Status LevelEncoder::EndRun() {
  if (group_size_ > 0) ARROW_RETURN_NOT_OK(AddLiterals(std::min<int64_t>(run_count_, kGroup - group_size_)));
  if (run_count_ < kGroup) return AddLiterals(run_count_);
  literal_header_ = -1;
  ARROW_RETURN_NOT_OK(bytes_.Reserve(kVarintBytesMax + 4));
  AddRepeated(run_level_, run_count_, width_, &bytes_);
  run_count_ = 0;
  return Status::OK();
}

Status LevelEncoder::AddLiterals(int64_t count) {
  run_count_ -= count;
  while (count > 0) {
    const int take = static_cast<int>(std::min<int64_t>(count, kGroup - group_size_));
    const uint64_t ones = ones_ & (~uint64_t{0} >> (64 - width_ * take));
    group_ |= (ones * run_level_) << (width_ * group_size_);
    group_size_ += take;
    count -= take;
    if (group_size_ == kGroup) ARROW_RETURN_NOT_OK(FlushGroup());
  }
  return Status::OK();
}

// Eight bytes, each a level, as 8 * width_ bits: pairs, then pairs of pairs.
uint64_t LevelEncoder::Packed(uint64_t eight) const {
  constexpr uint64_t kBytes = 0x00FF00FF00FF00FF, kTwo = 0x0000FFFF0000FFFF, kFour = 0x00000000FFFFFFFF;
  uint64_t bits = (eight & kBytes) | (((eight >> 8) & kBytes) << width_);
  bits = (bits & kTwo) | (((bits >> 16) & kTwo) << (2 * width_));
  return (bits & kFour) | ((bits >> 32) << (4 * width_));
}

Status LevelEncoder::PutBytes(const uint8_t* levels, int64_t count) {
  const auto load = [&](int64_t at) {
    uint64_t eight;
    std::memcpy(&eight, levels + at, sizeof(eight));
    return eight;
  };
  for (int64_t at = 0; at < count;) {
    if (run_count_ > 0) {  // goes on?
      const int64_t begin = at;
      const uint64_t same = kEachByte * run_level_;
      while (at < count) {
        const uint64_t differs = load(at) ^ same;
        at += differs == 0 ? kGroup : std::countr_zero(differs) / 8;
        if (differs != 0) break;
      }
      at = std::min(at, count);
      run_count_ += at - begin;
      if (at == count) return Status::OK();
      ARROW_RETURN_NOT_OK(EndRun());
    }
    const uint64_t eight = load(at);
    const int64_t left = count - at;
    const auto take = static_cast<int>(std::min<int64_t>(left, kGroup - group_size_));
    const uint64_t taken = ~uint64_t{0} >> (64 - 8 * take);
    run_level_ = levels[at];
    if (group_size_ == 0 && ((eight ^ (kEachByte * run_level_)) & taken) == 0) {
      run_count_ = take;
      at += take;
      continue;
    }
    group_ |= Packed(eight & taken) << (width_ * group_size_);
    group_size_ += take;
    at += take;
    if (group_size_ == kGroup) ARROW_RETURN_NOT_OK(FlushGroup());
  }
  return Status::OK();
}

Status LevelEncoder::FlushGroup() {
  ARROW_RETURN_NOT_OK(bytes_.Reserve(1 + static_cast<int64_t>(sizeof(group_))));
  if (literal_header_ < 0 || literal_groups_ == kGroupsMax) {
    literal_header_ = bytes_.size();
    literal_groups_ = 0;
    bytes_.Add(0);
  }
  std::memcpy(bytes_.end(), &group_, sizeof(group_));
  bytes_.Advance(width_);
  bytes_[literal_header_] = static_cast<uint8_t>((++literal_groups_ << 1) | 1);
  group_ = 0;
  group_size_ = 0;
  return Status::OK();
}

Status LevelEncoder::Finish() {
  ARROW_RETURN_NOT_OK(EndRun());
  if (group_size_ > 0) ARROW_RETURN_NOT_OK(FlushGroup());  // padded with zeros, which the count of values leaves out
  literal_header_ = -1;
  return Status::OK();
}

void LevelEncoder::Clear() {
  bytes_.Clear();
  run_count_ = 0;
  run_level_ = 0;
  literal_header_ = -1;
}

int IndexWidth(int64_t count) {
  return std::max(1, static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(count, 1) - 1))));
}

Status AppendIndices(const uint32_t* indices, int64_t count, int width, Bytes* out) {
  constexpr int64_t kRepeatedBytesMax = kVarintBytesMax + 4;
  constexpr int64_t kPackSlack = 48;
  ARROW_RETURN_NOT_OK(
      out->Reserve((count / kGroup + 1) * (std::max<int64_t>(width, kRepeatedBytesMax) + 1) + kPackSlack));
  int64_t header = -1;
  int groups = 0;
  const auto pack = [&](const uint32_t* values) {
    if (header < 0 || groups == kGroupsMax) {
      header = out->size();
      groups = 0;
      out->Add(0);
    }
    PackGroup(values, width, out->end());
    out->Advance(width);
    (*out)[header] = static_cast<uint8_t>((++groups << 1) | 1);
  };
  int64_t i = 0;
  while (i + kGroup <= count) {
    if (!AllEqual(indices + i)) {
      pack(indices + i);
      i += kGroup;
      continue;
    }
    int64_t end = i + kGroup;
    while (end < count && indices[end] == indices[i]) ++end;
    AddRepeated(indices[i], end - i, width, out);
    header = -1;
    i = end;
  }
  if (i < count) {
    uint32_t last[kGroup] = {};
    std::memcpy(last, indices + i, static_cast<size_t>(count - i) * sizeof(uint32_t));
    pack(last);
  }
  return Status::OK();
}

}  // namespace firn::format::parquet
