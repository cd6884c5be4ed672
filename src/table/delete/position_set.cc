#include "table/delete/position_set.h"

#include <roaring/roaring.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "table/delete/roaring_check.h"

namespace firn::table {

namespace {

constexpr uint64_t kHalf = uint64_t{1} << 32;  // values of one bitmap
constexpr uint32_t kHighMax = 0x7FFFFFFE;

uint32_t HighOf(int64_t position) {
  return static_cast<uint32_t>(static_cast<uint64_t>(position) >> 32);
}
uint32_t LowOf(int64_t position) {
  return static_cast<uint32_t>(position);
}
int64_t Joined(uint32_t high, uint32_t low) {
  return static_cast<int64_t>(uint64_t{high} << 32 | low);
}

template <typename T>
void AppendLittleEndian(T value, std::string* out) {
  for (size_t i = 0; i < sizeof(T); ++i) *out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

template <typename T>
T LittleEndian(std::string_view bytes) {
  T value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 8 | static_cast<uint8_t>(bytes[i]));
  return value;
}

Status Bad(const std::string& problem, size_t offset) {
  return MakeError(Fault::kBadData, "row positions: " + problem + ", offset " + std::to_string(offset));
}

}  // namespace

class PositionSet::Bitmap {
 public:
  Bitmap() : Bitmap(roaring_bitmap_create()) {}
  explicit Bitmap(roaring_bitmap_t* bitmap) : bitmap_(bitmap) { FIRN_CHECK(bitmap_ != nullptr); }
  Bitmap(const Bitmap& other) : Bitmap(roaring_bitmap_copy(other.bitmap_)) {}
  Bitmap& operator=(const Bitmap&) = delete;
  ~Bitmap() { roaring_bitmap_free(bitmap_); }
  roaring_bitmap_t* get() const { return bitmap_; }
  int64_t cardinality() const { return static_cast<int64_t>(roaring_bitmap_get_cardinality(bitmap_)); }

 private:
  roaring_bitmap_t* bitmap_;
};

PositionSet::PositionSet() = default;
PositionSet::~PositionSet() = default;
PositionSet::PositionSet(PositionSet&&) noexcept = default;
PositionSet& PositionSet::operator=(PositionSet&&) noexcept = default;

PositionSet::PositionSet(const PositionSet& other) {
  for (const auto& [high, bitmap] : other.bitmaps_) bitmaps_.emplace(high, std::make_unique<Bitmap>(*bitmap));
}

PositionSet& PositionSet::operator=(const PositionSet& other) {
  if (this != &other) *this = PositionSet(other);
  return *this;
}

PositionSet PositionSet::Of(std::span<const int64_t> positions) {
  PositionSet set;
  set.AddMany(positions);
  return set;
}

PositionSet::Bitmap& PositionSet::At(uint32_t high) {
  auto& bitmap = bitmaps_[high];
  if (bitmap == nullptr) bitmap = std::make_unique<Bitmap>();
  return *bitmap;
}

void PositionSet::AddMany(std::span<const int64_t> positions) {
  std::array<uint32_t, 1024> lows;
  for (size_t i = 0; i < positions.size();) {
    const uint32_t high = HighOf(positions[i]);
    FIRN_CHECK(positions[i] >= 0 && high <= kHighMax);
    size_t count = 0;
    for (; i < positions.size() && count < lows.size() && HighOf(positions[i]) == high; ++i) {
      lows[count++] = LowOf(positions[i]);
    }
    roaring_bitmap_add_many(At(high).get(), count, lows.data());
  }
}

void PositionSet::AddRange(int64_t begin, int64_t end) {
  FIRN_CHECK(begin >= 0 && end - 1 <= kPositionMax);
  while (begin < end) {
    const uint32_t high = HighOf(begin);
    const int64_t half_end = std::min(end, Joined(high + 1, 0));
    roaring_bitmap_add_range_closed(At(high).get(), LowOf(begin), LowOf(half_end - 1));
    begin = half_end;
  }
}

void PositionSet::Union(const PositionSet& other) {
  for (const auto& [high, bitmap] : other.bitmaps_) roaring_bitmap_or_inplace(At(high).get(), bitmap->get());
}

bool PositionSet::Contains(int64_t position) const {
  if (position < 0) return false;
  const auto found = bitmaps_.find(HighOf(position));
  return found != bitmaps_.end() && roaring_bitmap_contains(found->second->get(), LowOf(position));
}

int64_t PositionSet::cardinality() const {
  int64_t count = 0;
  for (const auto& [high, bitmap] : bitmaps_) count += bitmap->cardinality();
  return count;
}

int64_t PositionSet::CountIn(int64_t begin, int64_t end) const {
  begin = std::max<int64_t>(begin, 0);
  int64_t count = 0;
  for (auto at = bitmaps_.lower_bound(HighOf(begin)); at != bitmaps_.end() && Joined(at->first, 0) < end; ++at) {
    const int64_t base = Joined(at->first, 0);
    const auto low = static_cast<uint64_t>(std::max<int64_t>(begin - base, 0));
    const auto high = std::min<uint64_t>(static_cast<uint64_t>(end - base), kHalf);
    count += static_cast<int64_t>(roaring_bitmap_range_cardinality(at->second->get(), low, high));
  }
  return count;
}

void PositionSet::PositionsIn(int64_t begin, int64_t end, std::vector<int64_t>* out) const {
  begin = std::max<int64_t>(begin, 0);
  std::vector<uint32_t> lows;
  for (auto at = bitmaps_.lower_bound(HighOf(begin)); at != bitmaps_.end() && Joined(at->first, 0) < end; ++at) {
    const int64_t base = Joined(at->first, 0);
    const auto low = static_cast<uint64_t>(std::max<int64_t>(begin - base, 0));
    const auto high = std::min<uint64_t>(static_cast<uint64_t>(end - base), kHalf);
    if (low >= high) continue;
    const Bitmap range(roaring_bitmap_from_range(low, high, 1));
    const Bitmap part(roaring_bitmap_and(range.get(), at->second->get()));
    lows.resize(static_cast<size_t>(part.cardinality()));
    roaring_bitmap_to_uint32_array(part.get(), lows.data());
    for (const uint32_t value : lows) out->push_back(base + value);
  }
}

std::optional<int64_t> PositionSet::Max() const {
  if (bitmaps_.empty()) return std::nullopt;
  const auto& [high, bitmap] = *bitmaps_.rbegin();
  return Joined(high, roaring_bitmap_maximum(bitmap->get()));
}

int64_t PositionSet::memory_bytes() const {
  int64_t bytes = 0;
  for (const auto& [high, bitmap] : bitmaps_) {
    bytes += static_cast<int64_t>(roaring_bitmap_portable_size_in_bytes(bitmap->get()));
  }
  return bytes;
}

std::string PositionSet::Serialize() const {
  std::string out;
  AppendLittleEndian(static_cast<uint64_t>(bitmaps_.size()), &out);
  for (const auto& [high, bitmap] : bitmaps_) {
    const Bitmap packed(*bitmap);
    roaring_bitmap_run_optimize(packed.get());
    AppendLittleEndian(high, &out);
    const size_t at = out.size();
    out.resize(at + roaring_bitmap_portable_size_in_bytes(packed.get()));
    roaring_bitmap_portable_serialize(packed.get(), out.data() + at);
  }
  return out;
}

Result<PositionSet> PositionSet::Parse(std::string_view bytes) {
  if (bytes.size() < 8) return Bad("too short", 0);
  const auto count = LittleEndian<uint64_t>(bytes);
  size_t at = 8;
  PositionSet set;
  int64_t last = -1;
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes.size() - at < 4) return Bad("fewer bitmaps than announced", at);
    const auto high = LittleEndian<uint32_t>(bytes.substr(at));
    if (high > kHighMax || int64_t{high} <= last) return Bad("bitmap keys out of order or too large", at);
    last = high;
    at += 4;
    auto size = CheckedBitmapBytes(bytes.substr(at));
    if (!size.ok()) return Within("row positions from offset " + std::to_string(at), size.status());
    auto* parsed = roaring_bitmap_portable_deserialize_safe(bytes.data() + at, *size);
    if (parsed == nullptr) return Bad("bitmap cannot be read", at);
    auto bitmap = std::make_unique<Bitmap>(parsed);
    // Java writes empty bitmaps for the gaps between keys.
    if (!roaring_bitmap_is_empty(parsed)) set.bitmaps_.emplace(high, std::move(bitmap));
    at += *size;
  }
  if (at != bytes.size()) return Bad("bytes after the last bitmap", at);
  return set;
}

bool operator==(const PositionSet& a, const PositionSet& b) {
  return std::equal(a.bitmaps_.begin(), a.bitmaps_.end(), b.bitmaps_.begin(), b.bitmaps_.end(),
                    [](const auto& left, const auto& right) {
                      return left.first == right.first &&
                             roaring_bitmap_equals(left.second->get(), right.second->get());
                    });
}

}  // namespace firn::table
