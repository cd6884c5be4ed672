#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <arrow/buffer.h>
#include <arrow/type_fwd.h>
#include "base/hash.h"
#include "base/status.h"
#include "table/write/temporary_file.h"

namespace firn::table {

/// The error of a shard that does not fit into memory. Sizes in bytes.
Status ShardTooLarge(int64_t needed_bytes, int64_t allowed_bytes, int64_t num_records);

/// A log of records, cut by `Record::hash` into shards that fit into memory one at a time. Over the budget, all shards
/// go to an unlinked temporary file. Used by one thread.
template <typename Record>
class RecordLog {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  static constexpr size_t kShards = 64;

  RecordLog(int64_t memory_bytes_max, std::string temporary_folder)
      : memory_bytes_max_(memory_bytes_max), spill_(std::move(temporary_folder)) {}

  Status Append(const Record& record) {
    ShardLog& shard = shards_[ShardOf(record.hash)];
    const size_t before = shard.records.capacity();
    shard.records.push_back(record);
    memory_bytes_ += static_cast<int64_t>((shard.records.capacity() - before) * sizeof(Record));
    ++shard.num_records;
    ++num_records_;
    // Growing doubles a vector and holds both copies, and Shard() sorts a copy: half of the budget is for the log.
    return memory_bytes_ > memory_bytes_max_ / 2 ? Spill() : Status::OK();
  }

  /// Returns the records of one shard sorted by hash, and records of one hash in the order they were appended. Shards
  /// are ranges of hashes, ascending. Errors: kConfig naming --memory if a shard does not fit into the budget.
  Result<std::vector<Record>> Shard(size_t index, arrow::MemoryPool* pool) const {
    const ShardLog& log = shards_[index];
    // The copy, and half of it again for the stable sort. 1 MiB is always granted: an absurdly small budget still
    // works.
    const int64_t needed = log.num_records * static_cast<int64_t>(sizeof(Record)) * 3 / 2;
    const int64_t allowed = std::max<int64_t>(memory_bytes_max_, int64_t{1} << 20);
    if (needed > allowed) return ShardTooLarge(needed, allowed, num_records_);
    std::vector<Record> records;
    records.reserve(static_cast<size_t>(log.num_records));
    for (const Extent& extent : log.extents) {
      ARROW_ASSIGN_OR_RAISE(auto bytes, spill_.Read(extent, pool));
      const size_t count = static_cast<size_t>(bytes->size()) / sizeof(Record);
      const size_t before = records.size();
      records.resize(before + count);
      std::memcpy(static_cast<void*>(records.data() + before), bytes->data(), count * sizeof(Record));
    }
    records.insert(records.end(), log.records.begin(), log.records.end());
    std::stable_sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.hash < b.hash; });
    return records;
  }

  int64_t num_records() const { return num_records_; }
  int64_t memory_bytes() const { return memory_bytes_; }
  bool spilled() const { return spill_.size_bytes() > 0; }

 private:
  struct ShardLog {
    std::vector<Record> records;  // the newest
    std::vector<Extent> extents;  // older ones, in order
    int64_t num_records = 0;      // both
  };
  static size_t ShardOf(const Hash128& hash) {
    static_assert(kShards == size_t{1} << 6);
    return static_cast<size_t>(hash.high >> 58);
  }

  Status Spill() {
    for (ShardLog& shard : shards_) {
      if (shard.records.empty()) continue;
      ARROW_ASSIGN_OR_RAISE(const Extent extent, spill_.Append({reinterpret_cast<const char*>(shard.records.data()),
                                                                shard.records.size() * sizeof(Record)}));
      shard.extents.push_back(extent);
      std::vector<Record>().swap(shard.records);
    }
    memory_bytes_ = 0;
    return Status::OK();
  }

  const int64_t memory_bytes_max_;
  TemporaryFile spill_;
  std::array<ShardLog, kShards> shards_;
  int64_t memory_bytes_ = 0;
  int64_t num_records_ = 0;
};

/// Returns a hash for row `ordinal` of `total`: ordinals keep their order and fill the shards of a log evenly.
Hash128 HashOfOrdinal(uint64_t ordinal, uint64_t total);

}  // namespace firn::table
