#include "format/parquet/dictionary.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace firn::format::parquet {

namespace {

constexpr int64_t kSlotsMin = 32;

uint64_t HashOf(std::string_view value) {
  return XXH3_64bits(value.data(), value.size());
}

uint32_t TagOf(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
}

}  // namespace

Result<uint32_t> BytesDictionary::Index(std::string_view value) {
  if (ends_.size() * 2 >= slots_.size()) ARROW_RETURN_NOT_OK(Grow());
  const uint64_t hash = HashOf(value);
  const uint64_t mask = static_cast<uint64_t>(slots_.size()) - 1;
  for (uint64_t i = hash & mask;; i = (i + 1) & mask) {
    Slot& slot = slots_[static_cast<int64_t>(i)];
    if (slot.entry == 0) {
      ARROW_RETURN_NOT_OK(Add(value));
      slot = {.tag = TagOf(hash), .entry = static_cast<uint32_t>(ends_.size())};
      return slot.entry - 1;
    }
    if (slot.tag == TagOf(hash) && this->value(slot.entry - 1) == value) return slot.entry - 1;
  }
}

Status BytesDictionary::Add(std::string_view value) {
  const auto size = static_cast<int64_t>(value.size());
  ARROW_RETURN_NOT_OK(plain_.Reserve(prefix_ + size));
  ARROW_RETURN_NOT_OK(ends_.Reserve(1));
  const auto length = static_cast<uint32_t>(size);
  plain_.Add(reinterpret_cast<const uint8_t*>(&length), prefix_);
  plain_.Add(reinterpret_cast<const uint8_t*>(value.data()), size);
  ends_.Add(static_cast<uint32_t>(plain_.size()));
  return Status::OK();
}

Status BytesDictionary::Grow() {
  const int64_t size = std::max(kSlotsMin, slots_.size() * 4);
  slots_.Clear();
  ARROW_RETURN_NOT_OK(slots_.Reserve(size));
  std::memset(static_cast<void*>(slots_.data()), 0, static_cast<size_t>(size) * sizeof(Slot));
  slots_.Advance(size);
  const uint64_t mask = static_cast<uint64_t>(size) - 1;
  for (int64_t i = 0; i < ends_.size(); ++i) {
    const uint64_t hash = HashOf(value(i));
    uint64_t slot = hash & mask;
    while (slots_[static_cast<int64_t>(slot)].entry != 0) slot = (slot + 1) & mask;
    slots_[static_cast<int64_t>(slot)] = {.tag = TagOf(hash), .entry = static_cast<uint32_t>(i + 1)};
  }
  return Status::OK();
}

void BytesDictionary::Release() {
  plain_.Release();
  ends_.Release();
  slots_.Release();
}

}  // namespace firn::format::parquet
