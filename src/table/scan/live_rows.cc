#include "table/scan/live_rows.h"

#include <arrow/array/builder_primitive.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "schema/arrow_mapping.h"
#include "table/delete/deletion_vector.h"

namespace firn::table {

namespace {

/// Rows that follow each other in the file.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// Gives the rows a reader returns, in order, their positions in the file.
class RowPositions {
 public:
  explicit RowPositions(std::vector<RowRange> ranges) : ranges_(std::move(ranges)) {}

  /// The ranges of the next `count` rows; fewer rows if the reader has more than the footer said.
  std::vector<RowRange> Next(int64_t count) {
    std::vector<RowRange> taken;
    while (count > 0 && at_ < ranges_.size()) {
      RowRange& range = ranges_[at_];
      const int64_t part = std::min(count, range.end - range.begin);
      taken.push_back({range.begin, range.begin + part});
      range.begin += part;
      count -= part;
      if (range.begin == range.end) ++at_;
    }
    return taken;
  }
  bool at_end() const { return at_ == ranges_.size(); }

 private:
  std::vector<RowRange> ranges_;  // none is empty
  size_t at_ = 0;
};

/// A filter with a bit for every row that is not deleted, or null if no row is.
Result<std::shared_ptr<arrow::BooleanArray>> LiveMask(const std::vector<RowRange>& ranges, int64_t num_rows,
                                                      const PositionSet& deleted, int64_t* num_deleted,
                                                      arrow::MemoryPool* pool) {
  std::shared_ptr<arrow::Buffer> bits;
  std::vector<int64_t> positions;
  int64_t first = 0;
  *num_deleted = 0;
  for (const RowRange& range : ranges) {
    positions.clear();
    deleted.PositionsIn(range.begin, range.end, &positions);
    if (!positions.empty() && bits == nullptr) {
      ARROW_ASSIGN_OR_RAISE(bits, arrow::AllocateBitmap(num_rows, pool));
      arrow::bit_util::SetBitsTo(bits->mutable_data(), 0, num_rows, true);
    }
    for (const int64_t position : positions) {
      arrow::bit_util::ClearBit(bits->mutable_data(), first + position - range.begin);
    }
    *num_deleted += static_cast<int64_t>(positions.size());
    first += range.end - range.begin;
  }
  if (bits == nullptr) return std::shared_ptr<arrow::BooleanArray>();
  return std::make_shared<arrow::BooleanArray>(num_rows, std::move(bits));
}

class LiveRowReader final : public arrow::RecordBatchReader {
 public:
  LiveRowReader(std::string location, std::shared_ptr<const PositionSet> deleted, RowPositions positions,
                std::optional<int> position_column, std::shared_ptr<arrow::Schema> schema,
                std::unique_ptr<arrow::RecordBatchReader> rows, arrow::MemoryPool* pool)
      : location_(std::move(location)),
        deleted_(std::move(deleted)),
        positions_(std::move(positions)),
        position_column_(position_column),
        schema_(std::move(schema)),
        rows_(std::move(rows)),
        pool_(pool) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    while (true) {
      out->reset();
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
      if (batch == nullptr) return positions_.at_end() ? Status::OK() : OtherRowCount();
      const auto ranges = positions_.Next(batch->num_rows());
      int64_t num_rows = 0;
      for (const RowRange& range : ranges) num_rows += range.end - range.begin;
      if (num_rows != batch->num_rows()) return OtherRowCount();
      ARROW_ASSIGN_OR_RAISE(batch, WithPositions(batch, ranges));
      ARROW_ASSIGN_OR_RAISE(*out, Live(batch, ranges));
      if ((*out)->num_rows() > 0) return Status::OK();
    }
  }

 private:
  Status OtherRowCount() const {
    return MakeError(Fault::kBadData, "data file " + location_ + " has other rows than its footer says");
  }

  Result<std::shared_ptr<arrow::RecordBatch>> WithPositions(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                            const std::vector<RowRange>& ranges) const {
    if (!position_column_) return batch;
    arrow::Int64Builder builder(pool_);
    ARROW_RETURN_NOT_OK(builder.Reserve(batch->num_rows()));
    for (const RowRange& range : ranges) {
      for (int64_t row = range.begin; row < range.end; ++row) builder.UnsafeAppend(row);
    }
    ARROW_ASSIGN_OR_RAISE(auto column, builder.Finish());
    auto columns = batch->columns();
    columns.insert(columns.begin() + *position_column_, std::move(column));
    return arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(columns));
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Live(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                   const std::vector<RowRange>& ranges) const {
    if (deleted_ == nullptr) return batch;
    int64_t num_deleted = 0;
    ARROW_ASSIGN_OR_RAISE(const auto mask, LiveMask(ranges, batch->num_rows(), *deleted_, &num_deleted, pool_));
    if (mask == nullptr) return batch;
    if (num_deleted == batch->num_rows() || batch->num_columns() == 0) {
      return batch->Slice(0, batch->num_rows() - num_deleted);
    }
    arrow::compute::ExecContext context(pool_);
    ARROW_ASSIGN_OR_RAISE(auto live, arrow::compute::Filter(batch, arrow::Datum(mask),
                                                            arrow::compute::FilterOptions::Defaults(), &context));
    return live.record_batch();
  }

  const std::string location_;
  const std::shared_ptr<const PositionSet> deleted_;
  RowPositions positions_;
  const std::optional<int> position_column_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<arrow::RecordBatchReader> rows_;
  arrow::MemoryPool* pool_;
};

}  // namespace

Result<std::unique_ptr<arrow::RecordBatchReader>> OpenLiveRows(io::FileStore& files, const DataFile& data,
                                                               std::shared_ptr<const PositionSet> deleted,
                                                               const schema::Schema& target,
                                                               const FileReadOptions& options) {
  schema::Schema stored = target;
  std::optional<int> position_column;
  for (size_t i = 0; i < target.fields.size(); ++i) {
    if (target.fields[i].id == kRowPositionFieldId) position_column = static_cast<int>(i);
  }
  if (position_column) stored.fields.erase(stored.fields.begin() + *position_column);

  std::vector<RowRange> ranges;
  int64_t num_rows = 0;
  FileReadOptions chosen = options;
  chosen.choose = [&](const RowGroup& group) {
    const RowRange range{group.first_row, group.first_row + group.num_rows};
    num_rows += group.num_rows;
    if (group.num_rows == 0 || (options.choose && !options.choose(group))) return false;
    if (deleted != nullptr && deleted->CountIn(range.begin, range.end) == group.num_rows) return false;
    ranges.push_back(range);
    return true;
  };
  ARROW_ASSIGN_OR_RAISE(auto rows, OpenDataFile(files, data.file_path, stored, chosen));
  // Positions mean nothing in a file that is not the one the manifest is about.
  if (num_rows != data.record_count) {
    return MakeError(Fault::kBadData, "data file " + data.file_path + " has " + std::to_string(num_rows) +
                                          " rows, the manifest says " + std::to_string(data.record_count));
  }
  arrow::MemoryPool* pool = options.pool != nullptr ? options.pool : arrow::default_memory_pool();
  return std::make_unique<LiveRowReader>(data.file_path, std::move(deleted), RowPositions(std::move(ranges)),
                                         position_column, schema::ToArrowSchema(target), std::move(rows), pool);
}

}  // namespace firn::table
