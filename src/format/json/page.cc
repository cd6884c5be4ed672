#include "format/json/page.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <cstring>

#include "format/cell_page.h"
#include "format/json/cell_text.h"
#include "format/json/excerpt.h"
#include "format/json/page_builder.h"
#include "format/json/record_path.h"
#include "format/json/string_parse.h"
#include "format/json/structural_index.h"
#include "format/json/structural_walker.h"

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

std::shared_ptr<const Page> Page::OfCells(std::shared_ptr<const CellPage> cells,
                                          const std::vector<std::string>& captures) {
  const std::shared_ptr<Page> page(new Page());
  page->body_ = cells->body;
  page->is_lines_ = true;
  page->records_.reserve(cells->num_records);
  for (uint32_t i = 0; i < cells->num_records; ++i) {
    const uint32_t* starts = cells->record(i);
    page->records_.push_back({starts[0], starts[cells->num_columns()] - 1});
  }
  for (const CellPage::Bad& bad : cells->bad) {
    page->records_[bad.record] = {bad.begin, bad.end};
    page->bad_records_.push_back({.ordinal = bad.record,
                                  .byte_offset = bad.begin,
                                  .reason = bad.reason,
                                  .excerpt = StructureExcerpt(cells->body.substr(bad.begin, bad.end - bad.begin))});
  }
  page->cells_ = std::move(cells);
  page->CaptureCells(captures);
  return page;
}

void Page::CaptureCells(const std::vector<std::string>& captures) {
  num_captures_ = captures.size();
  captured_.resize(records_.size() * num_captures_);
  std::string scratch;
  for (size_t c = 0; c < num_captures_; ++c) {
    const auto& columns = *cells_->columns;
    const auto column = std::ranges::find(columns, captures[c]);
    if (column == columns.end()) continue;
    for (uint32_t i = 0; i < cells_->num_records; ++i) {
      if (cells_->FindBad(i) != nullptr) continue;
      const Cell cell = CellAt(*cells_, i, static_cast<size_t>(column - columns.begin()), scratch);
      const auto begin = static_cast<uint32_t>(captured_cells_.size());
      if (cell.is_null) {
        captured_cells_ += "null";
      } else {
        AppendJsonString(cell.text, captured_cells_);
      }
      captured_[i * num_captures_ + c] = {begin, static_cast<uint32_t>(captured_cells_.size())};
    }
  }
}

void Page::AppendRecord(uint32_t i, std::string& out) const {
  if (cells_ == nullptr) {
    out += RecordText(i);
  } else {
    AppendCells(*cells_, i, out);
  }
}

std::string_view Page::RecordText(uint32_t i) const {
  return body_.substr(records_[i].begin, records_[i].end - records_[i].begin);
}

std::optional<std::string_view> Page::Captured(uint32_t i, size_t c) const {
  const Span span = captured_[i * num_captures_ + c];
  if (span.end == 0) return std::nullopt;
  const std::string_view text = cells_ == nullptr ? body_ : std::string_view(captured_cells_);
  return text.substr(span.begin, span.end - span.begin);
}

std::optional<std::string_view> Page::FindInBody(std::string_view path) const {
  if (is_lines_) return std::nullopt;
  const auto offsets = index_->offsets();
  if (offsets.empty()) return std::nullopt;
  const auto found = FindPath(reinterpret_cast<const uint8_t*>(body_.data()), offsets.data(),
                              offsets.data() + offsets.size(), SplitPath(path));
  if (!found) return std::nullopt;
  return body_.substr(found->begin, found->end - found->begin);
}

int64_t Page::bytes_held() const {
  return static_cast<int64_t>(body_.size() + (records_.size() + captured_.size()) * sizeof(Span)) +
         static_cast<int64_t>(captured_cells_.size()) + (index_ ? index_->bytes_held() : 0) +
         (cells_ ? cells_->bytes_held() - static_cast<int64_t>(body_.size()) : 0);
}

std::shared_ptr<const Page> Page::WithoutIndex() const {
  return Bare();
}

std::shared_ptr<Page> Page::Bare() const {
  const std::shared_ptr<Page> bare(new Page());
  bare->buffer_ = buffer_;
  bare->body_ = body_;
  bare->cells_ = cells_;
  bare->records_ = records_;
  bare->records_path_ = records_path_;
  bare->records_found_ = records_found_;
  bare->is_lines_ = is_lines_;
  bare->indexed_by_lines_ = indexed_by_lines_;
  bare->pool_ = pool_;
  bare->bad_records_ = bad_records_;
  return bare;
}

Result<std::shared_ptr<const Page>> Page::Reindexed() const {
  auto index = std::make_unique<StructuralIndex>(pool_);
  if (indexed_by_lines_) {
    ARROW_RETURN_NOT_OK(index->BuildLines(body_).status());
  } else if (index->Build(body_) == StructuralIndex::Problem::kOther) {
    return Status::OutOfMemory("index of a page");
  }
  const std::shared_ptr<Page> page = Bare();
  page->index_ = std::move(index);
  return page;
}

Status CheckRecord(const Page& page, uint32_t i) {
  const Page::Span span = page.record(i);
  const auto* body = reinterpret_cast<const uint8_t*>(page.body().data());
  const uint32_t* begin = page.index().LowerBound(span.begin);
  const uint32_t* end = page.index().LowerBound(span.end);
  SyntaxFault fault;
  const uint32_t* after = SkipValue(body, begin, end, Depth::kFull, fault);
  if (after == end) return Status::OK();
  if (after != nullptr) fault = {"text behind the record", *after};
  const uint32_t inside = std::clamp(fault.offset, span.begin, span.end) - span.begin;
  return MakeError(Fault::kBadData,
                   "record " + std::to_string(i + 1) + " of the page is not valid JSON: " + fault.reason + ", byte " +
                       std::to_string(inside) + " of the record",
                   {.code = "E0604", .why = StructureExcerpt(page.RecordText(i), inside)});
}

}  // namespace firn::format::json
