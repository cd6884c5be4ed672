#include "format/json/chunker.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <cstring>

#include "format/json/structural_index.h"
#include "io/buffer_recycler.h"
#include "io/mapped_buffer.h"

namespace firn::format::json {
namespace {
constexpr int64_t kPadding = static_cast<int64_t>(StructuralIndex::kPadding);
constexpr size_t kKeptMax = 4;  // chunks for later: one is being filled while others are decoded
constexpr int64_t kKeptBytesMax = int64_t{16} << 20;
}  // namespace

Chunker::Chunker(Options options) : options_(options) {
  if (!options_.pool) options_.pool = arrow::default_memory_pool();
  buffers_ = io::BufferRecycler::Make({.buffers_max = kKeptMax, .bytes_max = kKeptBytesMax, .pool = options_.pool});
}
Chunker::~Chunker() = default;

Status Chunker::Push(std::string_view piece) {
  while (!piece.empty()) {
    ARROW_ASSIGN_OR_RAISE(const std::span<char> room, Room());
    const size_t taken = std::min(piece.size(), room.size());
    std::memcpy(room.data(), piece.data(), taken);
    ARROW_RETURN_NOT_OK(Commit(taken));
    piece.remove_prefix(taken);
  }
  return Status::OK();
}

Result<std::span<char>> Chunker::Room() {
  const int64_t room =
      pending_size_ < options_.chunk_bytes ? options_.chunk_bytes - pending_size_ : options_.chunk_bytes;
  ARROW_RETURN_NOT_OK(Grow(pending_size_ + room));
  return std::span(reinterpret_cast<char*>(pending_->mutable_data()) + pending_size_, static_cast<size_t>(room));
}

Status Chunker::Commit(size_t size) {
  if (size == 0) return Status::OK();
  const std::string_view piece(reinterpret_cast<const char*>(pending_->data()) + pending_size_, size);
  const size_t newline = piece.rfind('\n');
  if (newline != std::string_view::npos) lines_end_ = pending_size_ + static_cast<int64_t>(newline) + 1;
  pending_size_ += static_cast<int64_t>(size);
  held_ += static_cast<int64_t>(size);
  if (pending_size_ < options_.chunk_bytes) return Status::OK();
  if (lines_end_ > 0) ARROW_RETURN_NOT_OK(Cut(lines_end_));
  if (pending_size_ <= options_.line_bytes_max) return Status::OK();
  return MakeError(Fault::kBadData, "a line is longer than " + std::to_string(options_.line_bytes_max) + " bytes",
                   {.code = "E0607"});
}

Status Chunker::Finish() {
  finished_ = true;
  return pending_size_ > 0 ? Cut(pending_size_) : Status::OK();
}

std::shared_ptr<arrow::Buffer> Chunker::Pop() {
  if (ready_.empty()) return nullptr;
  std::shared_ptr<arrow::Buffer> chunk = std::move(ready_.front());
  ready_.pop_front();
  held_ -= chunk->size();
  return chunk;
}

// Makes room for `size` bytes and the padding.
Status Chunker::Grow(int64_t size) {
  if (pending_ && pending_->size() >= size + kPadding) return Status::OK();
  const int64_t wanted = std::max(options_.chunk_bytes, pending_ ? size + size / 2 : size) + kPadding;
  if (pending_) return io::GrowBuffer(wanted, pending_size_, options_.pool, &pending_);
  return buffers_->Take(wanted).Value(&pending_);
}

// The first `size` pending bytes become a chunk; the rest, less than a line, moves to a new buffer.
Status Chunker::Cut(int64_t size) {
  std::shared_ptr<arrow::ResizableBuffer> chunk = std::move(pending_);
  const int64_t rest = pending_size_ - size;
  pending_size_ = 0;
  lines_end_ = 0;
  if (rest > 0) {
    ARROW_RETURN_NOT_OK(Grow(rest));
    std::memcpy(pending_->mutable_data(), chunk->data() + size, static_cast<size_t>(rest));
    pending_size_ = rest;
  }
  if (finished_) ARROW_RETURN_NOT_OK(io::FitBuffer(size + kPadding, options_.pool, &chunk));
  std::memset(chunk->mutable_data() + size, 0, static_cast<size_t>(kPadding));
  ARROW_RETURN_NOT_OK(chunk->Resize(size, /*shrink_to_fit=*/false));
  ready_.push_back(std::move(chunk));
  return Status::OK();
}

}  // namespace firn::format::json
