#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/hash.h"
#include "base/status.h"
#include "table/write/temporary_file.h"

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

/// A log of key records, cut by hash into shards that fit into memory one at a time. Over the budget, all shards go to
/// an unlinked temporary file. Used by one thread.
class KeyLog {
 public:
  static constexpr size_t kShards = 64;

  KeyLog(int64_t memory_bytes_max, std::string temporary_folder);
  Status Append(const KeyRecord& record);

  /// Returns the records of one shard sorted by hash, and records of one hash in the order they were appended.
  /// Errors: kConfig naming --memory if a shard does not fit into the budget.
  Result<std::vector<KeyRecord>> Shard(size_t shard, arrow::MemoryPool* pool) const;

  int64_t num_records() const { return num_records_; }
  int64_t memory_bytes() const { return memory_bytes_; }
  bool spilled() const { return spill_.size_bytes() > 0; }

 private:
  struct ShardLog {
    std::vector<KeyRecord> records;  // the newest
    std::vector<Extent> extents;     // older ones, in order
    int64_t num_records = 0;         // both
  };
  Status Spill();

  const int64_t memory_bytes_max_;
  TemporaryFile spill_;
  std::array<ShardLog, kShards> shards_;
  int64_t memory_bytes_ = 0;
  int64_t num_records_ = 0;
};

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
