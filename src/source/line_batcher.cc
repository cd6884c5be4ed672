#include "source/line_batcher.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "format/json/page.h"
#include "format/json/structural_index.h"

namespace firn::source {
namespace {

constexpr int64_t kBatchBytes = int64_t{1} << 20;
constexpr int64_t kRoom = kBatchBytes + (int64_t{64} << 10);  // the row that fills a batch is rarely longer
constexpr auto kPadding = static_cast<int64_t>(format::json::StructuralIndex::kPadding);

}  // namespace

LineBatcher::LineBatcher(arrow::MemoryPool* pool) : pool_(pool), buffers_(io::BufferRecycler::Make({.pool = pool})) {}

bool LineBatcher::full() const {
  return num_bytes_ >= kBatchBytes;
}

Status LineBatcher::Reserve(int64_t size) {
  if (lines_ != nullptr && lines_->capacity() >= size) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto larger, buffers_->Take(num_bytes_ == 0 ? std::max(size, kRoom) : 2 * size));
  if (num_bytes_ > 0) std::memcpy(larger->mutable_data(), lines_->data(), static_cast<size_t>(num_bytes_));
  lines_ = std::move(larger);
  return Status::OK();
}

Status LineBatcher::Add(std::string_view row) {
  const auto size = static_cast<int64_t>(row.size());
  ARROW_RETURN_NOT_OK(Reserve(num_bytes_ + size + 1 + kPadding));
  uint8_t* const end = lines_->mutable_data() + num_bytes_;
  std::memcpy(end, row.data(), row.size());
  end[size] = '\n';
  num_bytes_ += size + 1;
  return Status::OK();
}

Result<Batch> LineBatcher::Take(std::optional<Position> position) {
  const int64_t num_bytes = std::exchange(num_bytes_, 0);
  std::shared_ptr<arrow::ResizableBuffer> lines = std::move(lines_);
  ARROW_RETURN_NOT_OK(lines->Resize(num_bytes, /*shrink_to_fit=*/false));
  JsonRows rows;
  ARROW_ASSIGN_OR_RAISE(rows.page,
                        format::json::Page::Parse(std::shared_ptr<arrow::Buffer>(std::move(lines)),
                                                  {.layout = format::json::PageLayout::kLines, .pool = pool_}));
  rows.rows.resize(rows.page->num_records());
  std::iota(rows.rows.begin(), rows.rows.end(), 0U);
  return Batch{.rows = std::move(rows), .position = std::move(position), .num_bytes = num_bytes};
}

}  // namespace firn::source
