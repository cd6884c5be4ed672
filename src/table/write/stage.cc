#include "table/write/stage.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <utility>

namespace firn::table {

namespace {

constexpr int64_t kStagedRowsMax = int64_t{1} << 30;

}  // namespace

Status Stage::Add(std::shared_ptr<arrow::RecordBatch> batch, std::vector<uint32_t> partitions) {
  FIRN_CHECK(static_cast<size_t>(batch->num_rows()) == partitions.size());
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*batch));
  size_bytes_ += bytes + static_cast<int64_t>(partitions.size() * sizeof(uint32_t));
  num_rows_ += batch->num_rows();
  batches_.push_back(std::move(batch));
  partitions_.push_back(std::move(partitions));
  return Status::OK();
}

bool Stage::full() const {
  return num_rows_ >= kStagedRowsMax;
}

Result<std::vector<StagedGroup>> Stage::TakeGroups(size_t num_partitions, arrow::MemoryPool* pool) {
  // A counting sort keeps the order of rows within a partition.
  std::vector<int64_t> ends(num_partitions + 1, 0);
  for (const auto& numbers : partitions_) {
    for (const uint32_t number : numbers) ++ends[number + 1];
  }
  for (size_t i = 1; i < ends.size(); ++i) ends[i] += ends[i - 1];
  const std::vector<int64_t> begins = ends;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> order, arrow::AllocateBuffer(num_rows_ * 4, pool));
  auto* order_data = reinterpret_cast<int32_t*>(order->mutable_data());
  int32_t row = 0;
  for (const auto& numbers : partitions_) {
    for (const uint32_t number : numbers) order_data[ends[number]++] = row++;
  }
  const auto schema = batches_[0]->schema();
  std::vector<arrow::ArrayVector> chunks(static_cast<size_t>(schema->num_fields()));
  for (const auto& batch : batches_) {
    for (size_t i = 0; i < chunks.size(); ++i) chunks[i].push_back(batch->column(static_cast<int>(i)));
  }
  batches_.clear();
  partitions_.clear();
  size_bytes_ = 0;

  const auto indices = std::make_shared<arrow::Int32Array>(num_rows_, std::move(order));
  arrow::compute::ExecContext context(pool);
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (arrow::ArrayVector& column : chunks) {
    ARROW_ASSIGN_OR_RAISE(auto joined, arrow::Concatenate(std::exchange(column, {}), pool));
    ARROW_ASSIGN_OR_RAISE(
        auto grouped, arrow::compute::Take(*joined, *indices, arrow::compute::TakeOptions::NoBoundsCheck(), &context));
    columns.push_back(std::move(grouped));
  }
  const auto all = arrow::RecordBatch::Make(schema, std::exchange(num_rows_, 0), std::move(columns));
  std::vector<StagedGroup> groups;
  for (size_t number = 0; number < num_partitions; ++number) {
    const int64_t count = ends[number] - begins[number];
    if (count > 0) groups.push_back({static_cast<uint32_t>(number), all->Slice(begins[number], count)});
  }
  return groups;
}

}  // namespace firn::table
