#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/status.h"
#include "table/index/disk_run.h"
#include "table/index/entry.h"

namespace firn::table::index {

/// Reads one run from front to back. Used by one thread.
class RunCursor {
 public:
  /// Over sorted entries in memory.
  explicit RunCursor(std::shared_ptr<const std::vector<Entry>> memory)
      : memory_(std::move(memory)), entries_(*memory_), num_left_(memory_->size()) {}
  /// Over a run on disk, reading `blocks_at_once` at a time.
  RunCursor(std::shared_ptr<const DiskRun> disk, size_t blocks_at_once)
      : disk_(std::move(disk)), blocks_(blocks_at_once), num_left_(disk_->shape().num_entries) {}

  /// Before the first entry is looked at. Errors: as DiskRun::Read; kBadData if entries are out of order.
  Status Start() { return num_left_ > 0 && entries_.empty() ? Fill() : Status::OK(); }
  bool done() const { return num_left_ == 0; }
  const Entry& current() const { return entries_[next_]; }
  Status Advance() {
    --num_left_;
    return ++next_ == entries_.size() && num_left_ > 0 ? Fill() : Status::OK();
  }
  int64_t memory_bytes() const {
    return static_cast<int64_t>(blocks_.size() * (kBlockBytes + kEntriesPerBlock * sizeof(Entry)));
  }

 private:
  Status Fill();

  std::shared_ptr<const std::vector<Entry>> memory_;
  std::shared_ptr<const DiskRun> disk_;
  std::vector<Block> blocks_;
  std::vector<Entry> buffer_;
  std::span<const Entry> entries_;
  size_t next_ = 0;
  uint64_t num_left_ = 0;
  uint64_t next_block_ = 0;
  Entry last_;
};

}  // namespace firn::table::index
