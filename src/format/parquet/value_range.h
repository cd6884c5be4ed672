#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

namespace firn::format::parquet {

/// The smallest and the largest of many numbers. Floats are compared as integers: the sign-magnitude bits mapped to
/// two's complement order all numbers with -0.0 < +0.0 and no branch; NaN is counted and left out.
template <typename T>
class NumberRange {
 public:
  using Key = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

  void Add(const T* values, int64_t count) {
    if constexpr (std::is_floating_point_v<T>) {
      AddFloats(values, count);
    } else {
      T low = low_, high = high_;
      for (int64_t i = 0; i < count; ++i) {
        low = std::min(low, values[i]);
        high = std::max(high, values[i]);
      }
      low_ = low;
      high_ = high;
    }
  }
  void Merge(const NumberRange& other) {
    low_ = std::min(low_, other.low_);
    high_ = std::max(high_, other.high_);
    nans_ += other.nans_;
  }
  bool any() const { return low_ <= high_; }
  T low() const { return Value(low_); }
  T high() const { return Value(high_); }
  int64_t nans() const { return nans_; }
  void add_nans(int64_t count) { nans_ += count; }

  static bool IsNan(T value) {
    if constexpr (std::is_floating_point_v<T>) return value != value;
    return false;
  }

 private:
  static Key KeyOf(T value) {
    const Key bits = std::bit_cast<Key>(value);
    return bits ^ static_cast<Key>((bits >> (sizeof(Key) * 8 - 1)) & std::numeric_limits<Key>::max());
  }
  static T Value(Key key) {
    if constexpr (!std::is_floating_point_v<T>) return key;
    // The mapping is its own inverse.
    return std::bit_cast<T>(key ^ static_cast<Key>((key >> (sizeof(Key) * 8 - 1)) & std::numeric_limits<Key>::max()));
  }
  void AddFloats(const T* values, int64_t count) {
    Key low = low_, high = high_;
    int64_t nans = 0;
    for (int64_t i = 0; i < count; ++i) {
      const bool nan = values[i] != values[i];
      const Key key = KeyOf(values[i]);
      nans += nan;
      low = std::min(low, nan ? low : key);
      high = std::max(high, nan ? high : key);
    }
    low_ = low;
    high_ = high;
    nans_ += nans;
  }

  Key low_ = std::numeric_limits<Key>::max();
  Key high_ = std::numeric_limits<Key>::min();
  int64_t nans_ = 0;
};

/// The smallest and the largest of many byte strings in unsigned order, cut to kBytesMax. Cutting keeps the order, so a
/// bound that is shorter than kBytesMax is a value; a longer one may be the beginning of a value.
class BytesRange {
 public:
  static constexpr size_t kBytesMax = 1025;

  void Add(std::string_view value) { AddWithHead(value, Head(value)); }
  /// The same where eight bytes from `value.data()` on may be read whatever its length.
  void AddReadable(std::string_view value) {
    uint64_t head;
    std::memcpy(&head, value.data(), sizeof(head));
    head = __builtin_bswap64(head);
    if (value.size() < sizeof(head)) head = value.empty() ? 0 : head & (~uint64_t{0} << (64 - 8 * value.size()));
    AddWithHead(value, head);
  }
  void Merge(const BytesRange& other) {
    if (!other.any_) return;
    Add(other.low_);
    Add(other.high_);
  }
  bool any() const { return any_; }
  const std::string& low() const { return low_; }
  const std::string& high() const { return high_; }

 private:
  static uint64_t Head(std::string_view text) {
    uint64_t head = 0;
    std::memcpy(&head, text.data(), std::min(sizeof(head), text.size()));
    return __builtin_bswap64(head);
  }
  // Most values differ from both ends within eight bytes, so most need no memcmp.
  void AddWithHead(std::string_view value, uint64_t head) {
    if (head > low_head_ && head < high_head_ && any_) return;
    AddSlowly(value.substr(0, kBytesMax), head);
  }
  void AddSlowly(std::string_view value, uint64_t head) {
    if (!any_ || head < low_head_ || (head == low_head_ && value < low_)) {
      low_.assign(value);
      low_head_ = head;
    }
    if (!any_ || head > high_head_ || (head == high_head_ && value > high_)) {
      high_.assign(value);
      high_head_ = head;
    }
    any_ = true;
  }
  bool any_ = false;
  std::string low_, high_;
  uint64_t low_head_ = 0, high_head_ = 0;
};

}  // namespace firn::format::parquet
