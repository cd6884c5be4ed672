#include "table/index/run_cursor.h"

#include <algorithm>

namespace firn::table::index {

Status RunCursor::Fill() {
  const RunShape& shape = disk_->shape();
  const size_t count = static_cast<size_t>(std::min<uint64_t>(blocks_.size(), shape.entry_blocks() - next_block_));
  ARROW_RETURN_NOT_OK(disk_->Read(next_block_, {blocks_.data(), count}));
  buffer_.clear();
  buffer_.reserve(blocks_.size() * kEntriesPerBlock);
  for (size_t i = 0; i < count; ++i, ++next_block_) {
    ARROW_RETURN_NOT_OK(disk_->Check(blocks_[i], next_block_));
    const auto num_entries = static_cast<size_t>(shape.EntriesIn(next_block_));
    for (size_t e = 0; e < num_entries; ++e) {
      buffer_.push_back(EntryAt(blocks_[i], e));
      if (buffer_.back().before(last_)) {
        return MakeError(Fault::kBadData,
                         "entries of the key index are out of order: block " + std::to_string(next_block_));
      }
      last_ = buffer_.back();
    }
  }
  entries_ = buffer_;
  next_ = 0;
  return Status::OK();
}

}  // namespace firn::table::index
