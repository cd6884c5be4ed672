#include "format/json/column_buffer.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <utility>

namespace firn::format::json {
namespace {
constexpr int64_t kSmallest = 256;
}

ColumnBuffer::ColumnBuffer() = default;
ColumnBuffer::~ColumnBuffer() = default;
ColumnBuffer::ColumnBuffer(ColumnBuffer&&) noexcept = default;
ColumnBuffer& ColumnBuffer::operator=(ColumnBuffer&&) noexcept = default;

bool ColumnBuffer::Reserve(int64_t bytes) {
  if (bytes <= capacity_) return true;
  const int64_t first = expected_ + expected_ / 8 + kSmallest;
  const int64_t wanted = std::max(bytes, buffer_ ? capacity_ * 2 : first);
  Status status;
  if (buffer_) {
    status = buffer_->Resize(wanted, /*shrink_to_fit=*/false);
  } else {
    auto made = arrow::AllocateResizableBuffer(wanted, arena_->pool);
    status = made.status();
    if (made.ok()) buffer_ = *std::move(made);
  }
  if (!status.ok()) {
    if (arena_->failure.ok()) arena_->failure = status;
    return false;
  }
  data_ = buffer_->mutable_data();
  capacity_ = buffer_->size();
  return true;
}

Result<std::shared_ptr<arrow::Buffer>> ColumnBuffer::Finish(int64_t size) {
  if (!buffer_ && !Reserve(std::max<int64_t>(size, 1))) return arena_->failure;
  expected_ = size;
  // A buffer that is mostly air would be held by whoever holds the batch.
  ARROW_RETURN_NOT_OK(buffer_->Resize(size, /*shrink_to_fit=*/capacity_ > size + size / 2 + kSmallest));
  buffer_->ZeroPadding();
  data_ = nullptr;
  capacity_ = 0;
  return std::shared_ptr<arrow::Buffer>(std::move(buffer_));
}

void ColumnBuffer::Clear() {
  buffer_.reset();
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace firn::format::json
