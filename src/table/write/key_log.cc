#include "table/write/key_log.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace firn::table {

namespace {

constexpr int64_t kFilterBitsPerKey = 16;
constexpr int kFilterProbes = 5;

size_t ShardOf(const Hash128& hash) {
  return static_cast<size_t>(hash.high >> 58);
}
static_assert(KeyLog::kShards == size_t{1} << 6);

}  // namespace

KeyLog::KeyLog(int64_t memory_bytes_max, std::string temporary_folder)
    : memory_bytes_max_(memory_bytes_max), spill_(std::move(temporary_folder)) {}

Status KeyLog::Append(const KeyRecord& record) {
  ShardLog& shard = shards_[ShardOf(record.hash)];
  const size_t before = shard.records.capacity();
  shard.records.push_back(record);
  memory_bytes_ += static_cast<int64_t>((shard.records.capacity() - before) * sizeof(KeyRecord));
  ++shard.num_records;
  ++num_records_;
  // Growing doubles a vector and holds both copies, and Shard() sorts a copy: half of the budget is for the log itself.
  return memory_bytes_ > memory_bytes_max_ / 2 ? Spill() : Status::OK();
}

Status KeyLog::Spill() {
  for (ShardLog& shard : shards_) {
    if (shard.records.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(const Extent extent, spill_.Append({reinterpret_cast<const char*>(shard.records.data()),
                                                              shard.records.size() * sizeof(KeyRecord)}));
    shard.extents.push_back(extent);
    std::vector<KeyRecord>().swap(shard.records);
  }
  memory_bytes_ = 0;
  return Status::OK();
}

Result<std::vector<KeyRecord>> KeyLog::Shard(size_t shard, arrow::MemoryPool* pool) const {
  const ShardLog& log = shards_[shard];
  // The copy, and half of it again for the stable sort. 1 MiB is always granted: an absurdly small budget still works.
  const int64_t needed = log.num_records * static_cast<int64_t>(sizeof(KeyRecord)) * 3 / 2;
  if (needed > std::max<int64_t>(memory_bytes_max_, int64_t{1} << 20)) {
    return MakeError(Fault::kConfig,
                     "the keys of this load need more memory than they may have: " + std::to_string(needed) + " > " +
                         std::to_string(memory_bytes_max_) + " bytes, " + std::to_string(num_records_) + " keys",
                     {.state = "nothing was committed", .next = "raise --memory, or load in smaller parts"});
  }
  std::vector<KeyRecord> records;
  records.reserve(static_cast<size_t>(log.num_records));
  for (const Extent& extent : log.extents) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, spill_.Read(extent, pool));
    const size_t count = static_cast<size_t>(bytes->size()) / sizeof(KeyRecord);
    const size_t before = records.size();
    records.resize(before + count);
    std::memcpy(static_cast<void*>(records.data() + before), bytes->data(), count * sizeof(KeyRecord));
  }
  records.insert(records.end(), log.records.begin(), log.records.end());
  std::stable_sort(records.begin(), records.end(),
                   [](const KeyRecord& a, const KeyRecord& b) { return a.hash < b.hash; });
  return records;
}

KeyFilter::KeyFilter(int64_t num_keys, int64_t bytes_max) {
  const int64_t wanted = std::max<int64_t>(num_keys, 1) * kFilterBitsPerKey / 64 + 1;
  const int64_t most = std::max<int64_t>(bytes_max / static_cast<int64_t>(sizeof(uint64_t)), 1);
  words_.assign(static_cast<size_t>(std::min(wanted, most)), 0);
}

uint64_t KeyFilter::MaskOf(const Hash128& hash) const {
  uint64_t mask = 0;
  for (int probe = 0; probe < kFilterProbes; ++probe) mask |= uint64_t{1} << ((hash.high >> (6 * probe)) & 63);
  return mask;
}

void KeyFilter::Add(const Hash128& hash) {
  words_[hash.low % words_.size()] |= MaskOf(hash);
}

bool KeyFilter::MayContain(const Hash128& hash) const {
  const uint64_t mask = MaskOf(hash);
  return (words_[hash.low % words_.size()] & mask) == mask;
}

}  // namespace firn::table
