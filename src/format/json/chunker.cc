#include "format/json/chunker.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <cstring>

#include "format/json/structural_index.h"

namespace firn::format::json {
namespace {
constexpr int64_t kPadding = static_cast<int64_t>(StructuralIndex::kPadding);
}

Chunker::Chunker(Options options) : options_(options) {
  if (!options_.pool) options_.pool = arrow::default_memory_pool();
}
Chunker::~Chunker() = default;

Status Chunker::Push(std::string_view piece) {
  held_ += static_cast<int64_t>(piece.size());
  while (!piece.empty()) {
    const int64_t room =
        pending_size_ < options_.chunk_bytes ? options_.chunk_bytes - pending_size_ : options_.chunk_bytes;
    const auto taken = std::min(static_cast<int64_t>(piece.size()), room);
    ARROW_RETURN_NOT_OK(Grow(pending_size_ + taken));
    std::memcpy(pending_->mutable_data() + pending_size_, piece.data(), static_cast<size_t>(taken));
    const size_t newline = piece.substr(0, static_cast<size_t>(taken)).rfind('\n');
    if (newline != std::string_view::npos) lines_end_ = pending_size_ + static_cast<int64_t>(newline) + 1;
    pending_size_ += taken;
    piece.remove_prefix(static_cast<size_t>(taken));
    if (pending_size_ < options_.chunk_bytes) continue;
    if (lines_end_ > 0) ARROW_RETURN_NOT_OK(Cut(lines_end_));
    if (pending_size_ > options_.line_bytes_max) {
      return MakeError(Fault::kBadData, "a line is longer than " + std::to_string(options_.line_bytes_max) + " bytes",
                       {.code = "E0607"});
    }
  }
  return Status::OK();
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
  if (pending_) return pending_->Resize(wanted, /*shrink_to_fit=*/false);
  ARROW_ASSIGN_OR_RAISE(pending_, arrow::AllocateResizableBuffer(wanted, options_.pool));
  return Status::OK();
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
  std::memset(chunk->mutable_data() + size, 0, static_cast<size_t>(kPadding));
  ARROW_RETURN_NOT_OK(chunk->Resize(size, /*shrink_to_fit=*/false));
  ready_.push_back(std::move(chunk));
  return Status::OK();
}

}  // namespace firn::format::json
