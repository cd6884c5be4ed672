#include "table/index/block_cache.h"

namespace firn::table::index {

const Block* BlockCache::Find(uint64_t run, uint64_t block) {
  const auto found = by_key_.find({run, block});
  if (found == by_key_.end()) return nullptr;
  Slot& slot = slots_[found->second];
  slot.used = true;
  return &slot.content;
}

void BlockCache::Put(uint64_t run, uint64_t block, const Block& content) {
  if (capacity_ == 0 || by_key_.contains({run, block})) return;
  const size_t index = Evict();
  slots_[index].content = content;
  slots_[index].key = {run, block};
  slots_[index].used = false;
  by_key_[slots_[index].key] = index;
}

size_t BlockCache::Evict() {
  if (slots_.capacity() < capacity_) slots_.reserve(capacity_);
  if (slots_.size() < capacity_) {
    slots_.emplace_back();
    return slots_.size() - 1;
  }
  while (slots_[hand_].used) {
    slots_[hand_].used = false;
    hand_ = (hand_ + 1) % capacity_;
  }
  const size_t index = hand_;
  hand_ = (hand_ + 1) % capacity_;
  by_key_.erase(slots_[index].key);
  return index;
}

}  // namespace firn::table::index
