#include "io/mapped_buffer.h"

#include <arrow/memory_pool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace firn::io {

Result<std::shared_ptr<MappedBuffer>> MappedBuffer::Make(int64_t size) {
  std::shared_ptr<MappedBuffer> buffer(new MappedBuffer());
  ARROW_RETURN_NOT_OK(buffer->Resize(size, /*shrink_to_fit=*/false));
  return buffer;
}

MappedBuffer::~MappedBuffer() {
  if (capacity_ > 0) ::munmap(const_cast<uint8_t*>(data_), static_cast<size_t>(capacity_));
}

Status MappedBuffer::Remap(int64_t capacity) {
  const int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  const int64_t wanted = (std::max<int64_t>(capacity, 1) + page_bytes - 1) / page_bytes * page_bytes;
  if (wanted == capacity_) return Status::OK();
  void* const made = capacity_ == 0 ? ::mmap(nullptr, static_cast<size_t>(wanted), PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                    : ::mremap(const_cast<uint8_t*>(data_), static_cast<size_t>(capacity_),
                                               static_cast<size_t>(wanted), MREMAP_MAYMOVE);
  if (made == MAP_FAILED) return Status::OutOfMemory("a buffer of ", wanted, " bytes");
  data_ = static_cast<const uint8_t*>(made);
  capacity_ = wanted;
  return Status::OK();
}

Status MappedBuffer::Reserve(int64_t capacity) {
  return capacity > capacity_ ? Remap(capacity) : Status::OK();
}

Status MappedBuffer::Resize(int64_t new_size, bool shrink_to_fit) {
  if (new_size > capacity_ || (shrink_to_fit && new_size < size_)) ARROW_RETURN_NOT_OK(Remap(new_size));
  size_ = new_size;
  return Status::OK();
}

Status GrowBuffer(int64_t capacity, int64_t used, arrow::MemoryPool* pool,
                  std::shared_ptr<arrow::ResizableBuffer>* buffer) {
  if (*buffer != nullptr && (*buffer)->size() >= capacity) return Status::OK();
  const bool is_mapped = *buffer != nullptr && (*buffer)->size() >= MappedBuffer::kWorthBytes;
  if (*buffer != nullptr && (is_mapped || capacity < MappedBuffer::kWorthBytes)) {
    return (*buffer)->Resize(capacity, /*shrink_to_fit=*/false);
  }
  std::shared_ptr<arrow::ResizableBuffer> grown;
  if (capacity >= MappedBuffer::kWorthBytes) {
    ARROW_ASSIGN_OR_RAISE(grown, MappedBuffer::Make(capacity));
  } else {
    ARROW_ASSIGN_OR_RAISE(grown, arrow::AllocateResizableBuffer(capacity, pool));
  }
  if (*buffer != nullptr && used > 0) std::memcpy(grown->mutable_data(), (*buffer)->data(), static_cast<size_t>(used));
  *buffer = std::move(grown);
  return Status::OK();
}

Status FitBuffer(int64_t used, arrow::MemoryPool* pool, std::shared_ptr<arrow::ResizableBuffer>* buffer) {
  constexpr int64_t kFewBytes = int64_t{256} << 10;  // more are not worth a copy
  constexpr int64_t kMuchLarger = 2;
  if (used > kFewBytes || (*buffer)->capacity() <= kMuchLarger * used) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::ResizableBuffer> fitting, arrow::AllocateResizableBuffer(used, pool));
  std::memcpy(fitting->mutable_data(), (*buffer)->data(), static_cast<size_t>(used));
  *buffer = std::move(fitting);
  return Status::OK();
}

}  // namespace firn::io
