#include "format/json/column_buffer.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "io/buffer_recycler.h"

namespace firn::format::json {
namespace {
constexpr int64_t kSmallest = 256;
constexpr int64_t kBlockBytes = int64_t{256} << 10;
constexpr size_t kBlocksKept = 32;  // 8 MiB: most of what a batch of thousands of columns takes
constexpr int64_t kAlignment = 64;
constexpr int64_t kZerosMin = int64_t{4} << 10;
}  // namespace

// A block and the buffers that are its pieces: made together and freed together, because a million small objects cost
// more than what they hold.
struct ColumnArena::Slab {
  static constexpr size_t kPiecesMax = 256;
  std::shared_ptr<arrow::ResizableBuffer> block;
  std::array<std::optional<arrow::Buffer>, kPiecesMax> pieces;
  size_t num_pieces = 0;
};

ColumnArena::ColumnArena(arrow::MemoryPool* memory)
    : pool(memory),
      blocks_(io::BufferRecycler::Make(
          {.buffers_max = kBlocksKept, .bytes_max = kBlocksKept * kBlockBytes, .pool = pool})) {}
ColumnArena::~ColumnArena() = default;

bool ColumnArena::Note(const Status& status) {
  if (failure.ok()) failure = status;
  return status.ok();
}

bool ColumnArena::NewBuffer(int64_t size, std::shared_ptr<arrow::ResizableBuffer>* buffer) {
  auto made = arrow::AllocateResizableBuffer(size, pool);
  if (!made.ok()) return Note(made.status());
  *buffer = *std::move(made);
  return true;
}

// `same_block`: what is left of the block goes on with more pieces.
bool ColumnArena::NewSlab(bool same_block) {
  auto slab = std::make_shared<Slab>();
  if (same_block) {
    slab->block = slab_->block;
  } else {
    auto made = blocks_->Take(kBlockBytes);
    if (!made.ok()) return Note(made.status());
    slab->block = *std::move(made);
    block_used_ = 0;
  }
  slab_ = std::move(slab);
  return true;
}

uint8_t* ColumnArena::Room(int64_t size) {
  own_.reset();
  if (size > kPieceBytesMax) return NewBuffer(size, &own_) ? own_->mutable_data() : nullptr;
  const bool fits = slab_ != nullptr && block_used_ + size <= kBlockBytes;
  if ((!fits || slab_->num_pieces == Slab::kPiecesMax) && !NewSlab(fits)) return nullptr;
  return slab_->block->mutable_data() + block_used_;
}

std::shared_ptr<arrow::Buffer> ColumnArena::Take(int64_t size) {
  if (own_ != nullptr) return arrow::SliceBuffer(std::exchange(own_, nullptr), 0, size);
  std::optional<arrow::Buffer>& piece = slab_->pieces[slab_->num_pieces++];
  piece.emplace(slab_->block->data() + block_used_, size);
  block_used_ += (size + kAlignment - 1) & -kAlignment;
  return {slab_, &*piece};  // lives with the slab
}

std::shared_ptr<arrow::Buffer> ColumnArena::Zeros(int64_t size) {
  if (zeros_ == nullptr || zeros_->size() < size) {
    const auto wanted = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max(size, kZerosMin))));
    if (!NewBuffer(wanted, &zeros_)) return nullptr;
    std::memset(zeros_->mutable_data(), 0, static_cast<size_t>(wanted));
  }
  return zeros_;
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
  if (size <= ColumnArena::kPieceBytesMax && capacity_ <= 4 * ColumnArena::kPieceBytesMax) {
    uint8_t* room = arena_->Room(size);
    if (room == nullptr) return arena_->failure;
    if (size > 0) std::memcpy(room, data_, static_cast<size_t>(size));
    return arena_->Take(size);
  }
  if (!buffer_ && !Reserve(std::max<int64_t>(size, 1))) return arena_->failure;
  expected_ = size;
  // A buffer that is mostly air would be held by whoever holds the batch.
  ARROW_RETURN_NOT_OK(buffer_->Resize(size, /*shrink_to_fit=*/capacity_ > size + size / 2 + kSmallest));
  buffer_->ZeroPadding();
  data_ = nullptr;
  capacity_ = 0;
  return std::shared_ptr<arrow::Buffer>(std::move(buffer_));
}

}  // namespace firn::format::json
