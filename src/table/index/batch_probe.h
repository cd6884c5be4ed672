#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/status.h"
#include "table/index/block_cache.h"
#include "table/index/disk_run.h"
#include "table/index/entry.h"

namespace firn::table::index {

/// What look-ups share: buffers and the cache. Its sizes come from the budget.
struct ProbeResources {
  explicit ProbeResources(int64_t memory_bytes);
  int64_t memory_bytes() const {
    return cache.memory_bytes() + static_cast<int64_t>(buffer.capacity() * sizeof(Block));
  }
  BlockCache cache;
  std::vector<Block> buffer;  // one read
  int64_t blocks_read = 0;
  int64_t blocks_cached = 0;
};

/// Looks for a sorted batch of hashes in one run after the other, from the newest to the oldest.
class BatchProbe {
 public:
  struct Hit {
    uint32_t slot = 0;  // index of the hash
    RowAddress row;
  };

  /// `hashes`: ascending, distinct; borrowed. At most 2^32 - 1.
  BatchProbe(std::span<const KeyHash> hashes, ProbeResources& resources);

  void LookIn(std::span<const Entry> memory_run);
  /// Errors: as DiskRun::Read.
  Status LookIn(const DiskRun& run);

  /// Rows found, those of removed files too.
  std::vector<Hit> TakeHits() { return std::move(hits_); }

 private:
  struct Task {
    uint64_t block = 0;
    uint32_t slot = 0;
  };
  struct Chunk {
    DiskRun::Range blocks;
    size_t first_task = 0;
    size_t end_task = 0;
  };
  void Take(uint32_t slot, const Entry& entry);
  void EndRun();
  Status Plan(const DiskRun& run, uint64_t block, uint32_t slot);
  Status Work(const DiskRun& run);
  Status WorkChunk(const DiskRun& run, const Chunk& chunk);
  void Search(const Block& block, size_t num_entries, uint32_t slot);

  const std::span<const KeyHash> hashes_;
  ProbeResources& resources_;
  std::vector<Hit> hits_;
  std::vector<uint8_t> closed_;    // by slot: older runs do not count
  std::vector<uint32_t> closing_;  // slots closed by the current run
  std::set<std::pair<uint32_t, RowAddress>> removed_;
  std::vector<Task> tasks_;
  std::vector<Chunk> chunks_;
};

}  // namespace firn::table::index
