#pragma once

#include <cstdint>

#include "table/index/key_hash.h"
#include "table/index/row_address.h"

namespace firn::table::index {

/// What an entry says (docs/decisions/0005-key-index.md). Values are on disk.
enum class EntryKind : uint8_t { kAdd = 0, kPut = 1, kRemoveKey = 2, kRemoveRow = 3 };

/// One entry as it is in memory. On disk it has no `order`.
struct Entry {
  uint64_t high = 0;  // of the hash
  uint64_t low = 0;
  uint64_t tagged_position = 0;  // kind in the upper two bits
  uint32_t file = 0;
  uint32_t order = 0;  // of arrival, among entries not yet in a run; 0 in runs

  static constexpr int kKindShift = 62;
  static constexpr int64_t kPositionMax = (int64_t{1} << kKindShift) - 1;

  EntryKind kind() const { return static_cast<EntryKind>(tagged_position >> kKindShift); }
  RowAddress row() const {
    return {.file = {file}, .position = static_cast<int64_t>(tagged_position & uint64_t{kPositionMax})};
  }
  bool has_row() const { return kind() == EntryKind::kAdd || kind() == EntryKind::kPut; }
  /// Put or remove key: older entries of the hash are void.
  bool closes() const { return kind() == EntryKind::kPut || kind() == EntryKind::kRemoveKey; }
  bool same_hash(const Entry& other) const { return high == other.high && low == other.low; }
  bool before(const Entry& other) const { return high != other.high ? high < other.high : low < other.low; }
  KeyHash hash() const { return {.high = high, .low = low}; }
};
static_assert(sizeof(Entry) == 32);

inline Entry MakeEntry(EntryKind kind, const KeyHash& hash, const RowAddress& row) {
  return {.high = hash.high,
          .low = hash.low,
          .tagged_position = (static_cast<uint64_t>(kind) << Entry::kKindShift) | static_cast<uint64_t>(row.position),
          .file = row.file.value};
}

}  // namespace firn::table::index
