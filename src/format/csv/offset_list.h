#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace firn::format::csv {

/// Offsets that are written in bulk: growing sets nothing to zero, and what was once reserved stays.
class OffsetList {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  uint32_t* data() { return data_.get(); }
  const uint32_t* data() const { return data_.get(); }
  const uint32_t* begin() const { return data_.get(); }
  const uint32_t* end() const { return data_.get() + size_; }
  uint32_t operator[](size_t i) const { return data_[i]; }
  uint32_t back() const { return data_[size_ - 1]; }
  void clear() { size_ = 0; }
  /// Makes room for `count` more behind the first `used`, which are kept; the size stays.
  void Reserve(size_t used, size_t count) {
    if (used + count <= capacity_) return;
    const size_t capacity = 2 * used + std::max(count, size_t{1024});
    auto larger = std::make_unique_for_overwrite<uint32_t[]>(capacity);
    std::copy_n(data_.get(), used, larger.get());
    data_ = std::move(larger);
    capacity_ = capacity;
  }
  /// At most what was reserved.
  void set_size(size_t size) { size_ = size; }
  void push_back(uint32_t offset) {
    Reserve(size_, 1);
    data_[size_++] = offset;
  }
  friend bool operator==(const OffsetList& a, const OffsetList& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::unique_ptr<uint32_t[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace firn::format::csv
