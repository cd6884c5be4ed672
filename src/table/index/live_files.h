#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "table/index/row_address.h"

namespace firn::table::index {

/// A set of file ordinals, as bits from a first ordinal on. A value.
class LiveFiles {
 public:
  bool Contains(FileOrdinal file) const {
    const uint32_t index = file.value - first_;  // below `first_` it wraps round and is out of range
    return index < bits_.size() && bits_[index];
  }
  /// The first Set of an empty set decides on the smallest ordinal there can be.
  void Set(FileOrdinal file, bool live) {
    if (bits_.empty()) first_ = file.value;
    FIRN_CHECK(file.value >= first_);
    const uint32_t index = file.value - first_;
    if (index >= bits_.size()) bits_.resize(size_t{index} + 1, false);
    bits_[index] = live;
  }
  int64_t memory_bytes() const { return static_cast<int64_t>(bits_.capacity() / 8); }

 private:
  uint32_t first_ = 0;
  std::vector<bool> bits_;
};

}  // namespace firn::table::index
