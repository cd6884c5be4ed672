#include "io/buffer_recycler.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "io/mapped_buffer.h"

namespace firn::io {
namespace {
constexpr int64_t kWasteMax = 4;  // a buffer that many times too large is not handed out

// Sizes that differ by a few percent become the same, so that one fits the other.
int64_t Rounded(int64_t size) {
  const auto step = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(size, 64))) / 16);
  return (size + step - 1) / step * step;
}
}  // namespace

std::shared_ptr<BufferRecycler> BufferRecycler::Make(Options options) {
  if (options.pool == nullptr) options.pool = arrow::default_memory_pool();
  return std::shared_ptr<BufferRecycler>(new BufferRecycler(options));
}

BufferRecycler::BufferRecycler(Options options) : options_(options) {}
BufferRecycler::~BufferRecycler() = default;

std::shared_ptr<arrow::ResizableBuffer> BufferRecycler::Find(int64_t size) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(kept_.rbegin(), kept_.rend(), [size](const auto& buffer) {
    return buffer->capacity() >= size && buffer->capacity() <= kWasteMax * size;
  });
  if (found == kept_.rend()) return nullptr;
  auto buffer = std::move(*found);
  kept_bytes_ -= buffer->capacity();
  kept_.erase(std::next(found).base());
  return buffer;
}

Result<std::shared_ptr<arrow::ResizableBuffer>> BufferRecycler::Take(int64_t size) {
  auto buffer = Find(size);
  if (buffer == nullptr) {
    ARROW_RETURN_NOT_OK(GrowBuffer(Rounded(size), 0, options_.pool, &buffer));
  } else {
    ARROW_RETURN_NOT_OK(buffer->Resize(size, /*shrink_to_fit=*/false));
  }
  arrow::ResizableBuffer* const given = buffer.get();
  return std::shared_ptr<arrow::ResizableBuffer>(
      given, [self = shared_from_this(), kept = std::move(buffer)](arrow::ResizableBuffer*) mutable {
        self->Keep(std::move(kept));
      });
}

void BufferRecycler::Keep(std::shared_ptr<arrow::ResizableBuffer> buffer) {
  std::deque<std::shared_ptr<arrow::ResizableBuffer>> dropped;  // freed without the lock
  const int64_t bytes = buffer->capacity();
  if (bytes > options_.bytes_max) return;
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(buffer));
  kept_bytes_ += bytes;
  while (kept_.size() > options_.buffers_max || kept_bytes_ > options_.bytes_max) {
    kept_bytes_ -= kept_.front()->capacity();
    dropped.push_back(std::move(kept_.front()));
    kept_.pop_front();
  }
}

}  // namespace firn::io
