#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "table/scan/plan.h"
#include "table/write/merge_strategy.h"
#include "table/write/new_row_places.h"
#include "table/write/record_log.h"

namespace firn::table {

/// A row to be written: of the load, or a live one with another stamp.
struct PlannedRow {
  Hash128 hash;  // HashOfOrdinal of its place
  int64_t row = 0;
  int64_t row_id = -1;  // that it takes over; -1: none
  RowStamp stamp;
  uint32_t source = KeyedRow::kOfLoad;  // or the index of a live file
  uint32_t unused = 0;
};

using PlannedLog = RecordLog<PlannedRow>;

/// Reads a log of planned rows in the order of their places. Used by one thread.
class PlannedCursor {
 public:
  PlannedCursor(const PlannedLog& log, arrow::MemoryPool* pool) : log_(log), pool_(pool) {}
  /// The next row, null at the end. Borrowed until Advance is followed by another Peek.
  Result<const PlannedRow*> Peek();
  void Advance() { ++at_; }

 private:
  const PlannedLog& log_;
  arrow::MemoryPool* pool_;
  size_t next_shard_ = 0;
  std::vector<PlannedRow> shard_;
  size_t at_ = 0;
};

/// Keeps what a strategy decides, in bounded memory. Used by one thread.
class PlannedRows final : public Decisions {
 public:
  /// `live`: null, or the plan that sources of live rows are indexes into.
  PlannedRows(int64_t load_rows, const ScanPlan* live, int64_t memory_bytes, const std::string& temporary_folder);

  Status Write(const KeyedRow& load, const RowStamp& stamp, const KeyedRow* replaces) override;
  Status Delete(const KeyedRow& live) override;
  Status Restamp(const KeyedRow& live, const RowStamp& stamp) override;

  const PlannedLog& writes() const { return writes_; }      // by row of the load
  const PlannedLog& restamps() const { return restamps_; }  // by live file and position
  RowsByFile& dead() { return dead_; }
  bool takes_over_ids() const { return takes_over_ids_; }

 private:
  const uint64_t load_rows_;
  std::vector<uint64_t> first_ordinals_;  // of live files
  uint64_t live_rows_ = 0;
  PlannedLog writes_;
  PlannedLog restamps_;
  RowsByFile dead_;
  bool takes_over_ids_ = false;
};

}  // namespace firn::table
