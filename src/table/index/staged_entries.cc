#include "table/index/staged_entries.h"

#include <algorithm>
#include <array>
#include <utility>

#include "table/index/group_resolver.h"

namespace firn::table::index {

namespace {

constexpr size_t kSmall = 48;  // entries that a comparison sort does faster

bool Before(const Entry& a, const Entry& b) {
  if (!a.same_hash(b)) return a.before(b);
  return a.order > b.order;
}

// American flag sort by the byte of `high` at `shift`, then each bucket by the next byte. Hashes are uniform, so two
// passes do for a million entries.
void SortByByte(std::span<Entry> entries, int shift) {
  if (entries.size() <= kSmall || shift < 0) {
    std::sort(entries.begin(), entries.end(), Before);
    return;
  }
  std::array<size_t, 257> begins{};
  for (const Entry& entry : entries) ++begins[((entry.high >> shift) & 255) + 1];
  for (size_t i = 0; i < 256; ++i) begins[i + 1] += begins[i];
  std::array<size_t, 256> next;
  std::copy_n(begins.begin(), 256, next.begin());
  for (size_t bucket = 0; bucket < 256; ++bucket) {
    while (next[bucket] < begins[bucket + 1]) {
      Entry& entry = entries[next[bucket]];
      const size_t target = (entry.high >> shift) & 255;
      if (target == bucket) {
        ++next[bucket];
      } else {
        std::swap(entry, entries[next[target]++]);
      }
    }
  }
  for (size_t bucket = 0; bucket < 256; ++bucket) {
    SortByByte(entries.subspan(begins[bucket], begins[bucket + 1] - begins[bucket]), shift - 8);
  }
}

}  // namespace

void SortEntries(std::span<Entry> entries) {
  SortByByte(entries, 56);
}

void MakeRun(std::vector<Entry>* entries) {
  for (size_t i = 0; i < entries->size(); ++i) (*entries)[i].order = static_cast<uint32_t>(i);
  SortEntries(*entries);
  GroupResolver resolver;
  size_t kept = 0;
  for (size_t begin = 0; begin < entries->size();) {
    const Entry first = (*entries)[begin];
    size_t end = begin + 1;
    while (end < entries->size() && (*entries)[end].same_hash(first)) ++end;
    if (end == begin + 1) {
      (*entries)[kept] = first;
      (*entries)[kept++].order = 0;
      begin = end;
      continue;
    }
    resolver.Start();
    for (size_t i = begin; i < end; ++i) resolver.Feed((*entries)[i], i + 1);  // each its own source: order counts
    // At most as many entries as were fed, so nothing unread is overwritten.
    FIRN_CHECK(resolver
                   .Finish(first.hash(), nullptr, /*bottom=*/false,
                           [&](Entry entry) {
                             entry.order = 0;
                             (*entries)[kept++] = entry;
                             return Status::OK();
                           })
                   .ok());
    begin = end;
  }
  entries->resize(kept);
}

}  // namespace firn::table::index
