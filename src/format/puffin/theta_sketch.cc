#include "format/puffin/theta_sketch.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace firn::format::puffin {
namespace {

constexpr uint64_t kSeed = 9001;
constexpr uint16_t kSeedHash = 0x93CC;  // the low 16 bits of the hash of the seed, by seed 0
constexpr uint64_t kThetaMax = (uint64_t{1} << 63) - 1;
constexpr uint8_t kVersion = 3;
constexpr uint8_t kCompactFamily = 3;
constexpr uint8_t kReadOnly = 2, kEmpty = 4, kCompact = 8, kOrdered = 16, kSingle = 32;
constexpr size_t kLong = 8;

uint64_t Mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33;
}

uint64_t ScrambleLow(uint64_t value) {
  return std::rotl(value * 0x87c37b91114253d5ULL, 31) * 0x4cf5ad432745937fULL;
}

uint64_t ScrambleHigh(uint64_t value) {
  return std::rotl(value * 0x4cf5ad432745937fULL, 33) * 0x87c37b91114253d5ULL;
}

/// Up to eight bytes, the first lowest.
uint64_t Load(std::string_view bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), kLong));
  return value;
}

/// The first 64 bits of MurmurHash3 x64 128 of non-empty bytes.
uint64_t Murmur3High(std::string_view bytes) {
  const size_t size = bytes.size();
  uint64_t low = kSeed, high = kSeed;
  for (; bytes.size() >= 2 * kLong; bytes.remove_prefix(2 * kLong)) {
    low ^= ScrambleLow(Load(bytes));
    low = (std::rotl(low, 27) + high) * 5 + 0x52dce729;
    high ^= ScrambleHigh(Load(bytes.substr(kLong)));
    high = (std::rotl(high, 31) + low) * 5 + 0x38495ab5;
  }
  if (bytes.size() > kLong) high ^= ScrambleHigh(Load(bytes.substr(kLong)));
  if (!bytes.empty()) low ^= ScrambleLow(Load(bytes));
  low ^= size;
  high ^= size;
  low += high;
  high += low;
  return Mix(low) + Mix(high);
}

template <typename T>
void Append(T value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));  // all targets are little-endian
}

template <typename T>
T Read(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

Status Bad(const std::string& why) {
  return MakeError(Fault::kBadData, "theta sketch: " + why);
}

}  // namespace

void ThetaSketch::Add(std::string_view value) {
  if (!value.empty()) AddHash(Murmur3High(value) >> 1);
}

void ThetaSketch::Merge(const ThetaSketch& other) {
  theta_ = std::min(theta_, other.theta_);
  Compact();
  for (const uint64_t hash : other.hashes_) AddHash(hash);
}

void ThetaSketch::Compact() {
  std::ranges::sort(hashes_);
  const auto twice = std::ranges::unique(hashes_);
  hashes_.erase(twice.begin(), twice.end());
  hashes_.erase(std::ranges::lower_bound(hashes_, theta_), hashes_.end());
  if (hashes_.size() <= kEntries) return;
  theta_ = hashes_[kEntries];
  hashes_.resize(kEntries);
}

double ThetaSketch::Estimate() {
  Compact();
  return static_cast<double>(hashes_.size()) / (static_cast<double>(theta_) / static_cast<double>(kThetaMax));
}

std::string ThetaSketch::Serialize() {
  Compact();
  const bool estimates = theta_ < kThetaMax;
  const bool empty = hashes_.empty() && !estimates;
  const bool single = hashes_.size() == 1 && !estimates;
  const uint8_t num_longs = estimates ? 3 : empty || single ? 1 : 2;
  std::string out;
  Append<uint8_t>(num_longs, out);
  Append<uint8_t>(kVersion, out);
  Append<uint8_t>(kCompactFamily, out);
  Append<uint16_t>(0, out);
  Append<uint8_t>(kReadOnly | kCompact | kOrdered | (empty ? kEmpty : 0) | (single ? kSingle : 0), out);
  Append<uint16_t>(kSeedHash, out);
  if (num_longs > 1) {
    Append<int32_t>(static_cast<int32_t>(hashes_.size()), out);
    Append<float>(1.0F, out);  // share of values that were looked at
  }
  if (estimates) Append<uint64_t>(theta_, out);
  for (const uint64_t hash : hashes_) Append<uint64_t>(hash, out);
  return out;
}

Result<ThetaSketch> ThetaSketch::Parse(std::string_view bytes) {
  if (bytes.size() < kLong) return Bad("shorter than its preamble");
  const auto num_longs = static_cast<size_t>(Read<uint8_t>(bytes, 0) & 0x3F);
  const auto flags = Read<uint8_t>(bytes, 5);
  if (Read<uint8_t>(bytes, 1) != kVersion || Read<uint8_t>(bytes, 2) != kCompactFamily || (flags & kCompact) == 0) {
    return Bad("not of version 3 and compact");
  }
  ThetaSketch sketch;
  if ((flags & kEmpty) != 0) return sketch;
  if (Read<uint16_t>(bytes, 6) != kSeedHash) return Bad("of another seed");
  if (num_longs < 1 || num_longs > 3 || bytes.size() < num_longs * kLong) return Bad("bad preamble");
  const int64_t count = num_longs == 1 ? 1 : Read<int32_t>(bytes, kLong);
  if (num_longs == 3) sketch.theta_ = Read<uint64_t>(bytes, 2 * kLong);
  const std::string_view hashes = bytes.substr(num_longs * kLong);
  if (count < 0 || hashes.size() != static_cast<size_t>(count) * kLong)
    return Bad("its size is not that of its entries");
  if (sketch.theta_ == 0 || sketch.theta_ > kThetaMax) return Bad("bad theta");
  for (size_t at = 0; at < hashes.size(); at += kLong) {
    const auto hash = Read<uint64_t>(hashes, at);
    if (hash == 0 || hash >= sketch.theta_) return Bad("a hash beyond theta");
    sketch.hashes_.push_back(hash);
  }
  sketch.Compact();
  return sketch;
}

}  // namespace firn::format::puffin
