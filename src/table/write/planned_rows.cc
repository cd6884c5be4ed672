#include "table/write/planned_rows.h"

namespace firn::table {

Result<const PlannedRow*> PlannedCursor::Peek() {
  while (at_ == shard_.size()) {
    if (next_shard_ == PlannedLog::kShards) return nullptr;
    ARROW_ASSIGN_OR_RAISE(shard_, log_.Shard(next_shard_++, pool_));
    at_ = 0;
  }
  return &shard_[at_];
}

PlannedRows::PlannedRows(int64_t load_rows, const ScanPlan* live, int64_t memory_bytes,
                         const std::string& temporary_folder)
    : load_rows_(static_cast<uint64_t>(load_rows)),
      writes_(memory_bytes / 2, temporary_folder),
      restamps_(memory_bytes / 2, temporary_folder) {
  for (size_t i = 0; live != nullptr && i < live->files.size(); ++i) {
    first_ordinals_.push_back(live_rows_);
    live_rows_ += static_cast<uint64_t>(live->files[i].file.record_count);
  }
}

Status PlannedRows::Write(const KeyedRow& load, const RowStamp& stamp, const KeyedRow* replaces) {
  PlannedRow row{.hash = HashOfOrdinal(static_cast<uint64_t>(load.row), load_rows_), .row = load.row, .stamp = stamp};
  if (replaces != nullptr) {
    row.row_id = replaces->row_id;
    takes_over_ids_ |= row.row_id >= 0;
    ARROW_RETURN_NOT_OK(Delete(*replaces));
  }
  return writes_.Append(row);
}

Status PlannedRows::Delete(const KeyedRow& live) {
  dead_[live.source].Add(live.row);
  return Status::OK();
}

Status PlannedRows::Restamp(const KeyedRow& live, const RowStamp& stamp) {
  ARROW_RETURN_NOT_OK(Delete(live));
  takes_over_ids_ |= live.row_id >= 0;
  const uint64_t ordinal = first_ordinals_[live.source] + static_cast<uint64_t>(live.row);
  return restamps_.Append({.hash = HashOfOrdinal(ordinal, live_rows_),
                           .row = live.row,
                           .row_id = live.row_id,
                           .stamp = stamp,
                           .source = live.source});
}

}  // namespace firn::table
