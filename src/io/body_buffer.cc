#include "io/body_buffer.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/byte_size.h"
#include "io/body_file.h"
#include "io/http_client.h"
#include "io/mapped_buffer.h"

namespace firn::io {
namespace {

constexpr int64_t kExpectBytesMax = 32_MiB;  // believed of a Content-Length before any byte came
constexpr int64_t kWasteBytesMax = 4_MiB;
constexpr int64_t kHeldBytesMax = 1_MiB;  // of a body that goes to a file

}  // namespace

BodyBuffer::~BodyBuffer() = default;
BodyBuffer::BodyBuffer(BodyBuffer&&) noexcept = default;

Status BodyBuffer::Grow(int64_t capacity) {
  return GrowBuffer(capacity, size_, pool_, &buffer_);
}

void BodyBuffer::GoTo(BodyFile& file) {
  file_ = &file;
  bytes_max_ = file.bytes_max();
}

Status BodyBuffer::Expect(int64_t expected) {
  const int64_t believed = file_ == nullptr ? kExpectBytesMax : kHeldBytesMax;
  const int64_t wanted = std::min({expected, bytes_max_, believed}) + kBodyPaddingBytes;
  const int64_t have = buffer_ == nullptr ? 0 : buffer_->size();
  return wanted > have ? Grow(wanted) : Status::OK();
}

Result<uint8_t*> BodyBuffer::Room(int64_t at_least, int64_t* room_bytes) {
  const int64_t have = buffer_ == nullptr ? 0 : buffer_->size();
  const int64_t needed = size_ + at_least + kBodyPaddingBytes;
  if (needed > have) ARROW_RETURN_NOT_OK(Grow(std::max(needed, std::min(have + have / 2, bytes_max_ + 64_KiB))));
  *room_bytes = buffer_->size() - kBodyPaddingBytes - size_;
  return buffer_->mutable_data() + size_;
}

Status BodyBuffer::Commit(int64_t bytes) {
  size_ += bytes;
  if (size() <= bytes_max_) return file_ != nullptr && size_ >= kHeldBytesMax ? Write() : Status::OK();
  return MakeError(Fault::kBadData, "response body is larger than allowed: limit " + FormatByteSize(bytes_max_),
                   {.next = "ask for smaller pages, or raise the body limit"});
}

Status BodyBuffer::Append(std::string_view bytes) {
  const auto count = static_cast<int64_t>(bytes.size());
  if (count > bytes_max_ - size()) return Commit(count);  // before allocating for it
  int64_t room_bytes = 0;
  ARROW_ASSIGN_OR_RAISE(uint8_t* room, Room(count, &room_bytes));
  std::memcpy(room, bytes.data(), bytes.size());
  return Commit(count);
}

Status BodyBuffer::Write() {
  if (size_ == 0) return Status::OK();
  ARROW_RETURN_NOT_OK(file_->Append({reinterpret_cast<const char*>(buffer_->data()), static_cast<size_t>(size_)}));
  written_ += std::exchange(size_, 0);
  return Status::OK();
}

Result<std::shared_ptr<arrow::Buffer>> BodyBuffer::Finish() {
  if (file_ != nullptr) ARROW_RETURN_NOT_OK(Write());
  if (buffer_ == nullptr) ARROW_RETURN_NOT_OK(Grow(kBodyPaddingBytes));
  const bool wasteful = buffer_->capacity() - size_ > kWasteBytesMax + size_ / 4;
  ARROW_RETURN_NOT_OK(buffer_->Resize(size_ + kBodyPaddingBytes, /*shrink_to_fit=*/wasteful));
  std::memset(buffer_->mutable_data() + size_, 0, static_cast<size_t>(kBodyPaddingBytes));
  ARROW_RETURN_NOT_OK(buffer_->Resize(size_, /*shrink_to_fit=*/false));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer_));
}

}  // namespace firn::io
