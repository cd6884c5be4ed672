#include "format/json/page.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <cstring>

#include "format/json/page_builder.h"
#include "format/json/record_path.h"
#include "format/json/structural_index.h"

namespace firn::format::json {
namespace {

constexpr int64_t kPadding = static_cast<int64_t>(StructuralIndex::kPadding);

// True if the bytes behind the body may be read and are zero, or could be made so.
bool HasPadding(arrow::Buffer& body) {
  if (body.capacity() - body.size() < kPadding) return false;
  if (body.is_mutable()) {
    std::memset(body.mutable_data() + body.size(), 0, kPadding);
    return true;
  }
  const uint8_t* behind = body.data() + body.size();
  return std::all_of(behind, behind + kPadding, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

Page::Page() = default;
Page::~Page() = default;

Result<std::shared_ptr<arrow::Buffer>> AllocateBody(int64_t size, arrow::MemoryPool* pool) {
  if (!pool) pool = arrow::default_memory_pool();
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(size + kPadding, pool));
  std::memset(buffer->mutable_data() + size, 0, kPadding);
  ARROW_RETURN_NOT_OK(buffer->Resize(size, /*shrink_to_fit=*/false));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

Result<std::shared_ptr<const Page>> Page::Parse(std::shared_ptr<arrow::Buffer> body, const PageOptions& options) {
  if (!HasPadding(*body)) {
    return Parse(std::string_view(reinterpret_cast<const char*>(body->data()), static_cast<size_t>(body->size())),
                 options);
  }
  return PageBuilder(std::move(body), options).Build();
}

Result<std::shared_ptr<const Page>> Page::Parse(std::string_view body, const PageOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto copy, AllocateBody(static_cast<int64_t>(body.size()), options.pool));
  if (!body.empty()) std::memcpy(copy->mutable_data(), body.data(), body.size());
  return PageBuilder(std::move(copy), options).Build();
}

std::string_view Page::RecordText(uint32_t i) const {
  return body_.substr(records_[i].begin, records_[i].end - records_[i].begin);
}

std::optional<std::string_view> Page::Captured(uint32_t i, size_t c) const {
  const Span span = captured_[i * num_captures_ + c];
  if (span.end == 0) return std::nullopt;
  return body_.substr(span.begin, span.end - span.begin);
}

std::optional<std::string_view> Page::FindInBody(std::string_view path) const {
  const auto offsets = index_->offsets();
  if (is_lines_ || offsets.empty()) return std::nullopt;
  const auto found = FindPath(reinterpret_cast<const uint8_t*>(body_.data()), offsets.data(),
                              offsets.data() + offsets.size(), SplitPath(path));
  if (!found) return std::nullopt;
  return body_.substr(found->begin, found->end - found->begin);
}

int64_t Page::bytes_held() const {
  return static_cast<int64_t>(body_.size() + (records_.size() + captured_.size()) * sizeof(Span)) +
         index_->bytes_held();
}

}  // namespace firn::format::json
