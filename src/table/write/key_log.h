#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "table/write/record_log.h"

namespace firn::table {

/// One row, or one key to delete, by the hash of its key.
struct KeyRecord {
  static constexpr int64_t kDelete = -1;
  Hash128 hash;
  int64_t row = 0;      // its number in `source`; kDelete: no row, the key is to be deleted
  uint32_t source = 0;  // partition of new rows, index of a live file
  uint32_t unused = 0;
};
static_assert(sizeof(KeyRecord) == 32);

using KeyLog = RecordLog<KeyRecord>;

/// Answers "may this hash be in the set?", never wrongly "no" (a Bloom filter of about 1 % false "yes" while there are
/// bits enough). Used by one thread.
class KeyFilter {
 public:
  /// `bytes_max` bounds its memory, whatever the number of keys.
  KeyFilter(int64_t num_keys, int64_t bytes_max);
  void Add(const Hash128& hash);
  bool MayContain(const Hash128& hash) const;
  int64_t memory_bytes() const { return static_cast<int64_t>(words_.size() * sizeof(uint64_t)); }

 private:
  uint64_t MaskOf(const Hash128& hash) const;
  std::vector<uint64_t> words_;  // a key's bits are all in one word: one cache miss a look-up
};

}  // namespace firn::table
