#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "table/index/block.h"

namespace firn::table::index {

/// A bounded cache of entry blocks (second chance). Used by one thread.
class BlockCache {
 public:
  explicit BlockCache(int64_t bytes_max) : capacity_(static_cast<size_t>(bytes_max) / kSlotBytes) {}

  /// The block, or null. Borrowed until the next Put.
  const Block* Find(uint64_t run, uint64_t block);
  /// Keeps a copy; does nothing if there is no room at all.
  void Put(uint64_t run, uint64_t block, const Block& content);

  size_t capacity() const { return capacity_; }
  int64_t memory_bytes() const { return static_cast<int64_t>(slots_.capacity() * sizeof(Slot) + by_key_.size() * 64); }

 private:
  struct Key {
    uint64_t run = 0;
    uint64_t block = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyMixer {
    size_t operator()(const Key& key) const { return key.run + key.block * 0x9E3779B97F4A7C15; }
  };
  struct Slot {
    Block content;
    Key key;
    bool used = false;
  };
  static constexpr size_t kSlotBytes = sizeof(Slot) + 64;
  size_t Evict();

  const size_t capacity_;
  std::vector<Slot> slots_;
  std::unordered_map<Key, size_t, KeyMixer> by_key_;
  size_t hand_ = 0;
};

}  // namespace firn::table::index
