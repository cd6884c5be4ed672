#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "format/json/chunker.h"
#include "io/mapped_buffer.h"
#include "source/row_cutter.h"

namespace firn::source {
namespace {

namespace json = format::json;
using Form = JsonCutterOptions::Form;

// Long rows have many columns, and each costs something per batch, whatever it holds there.
constexpr int64_t kRowsOfChunk = 1024;
constexpr int64_t kReadBytes = int64_t{1} << 20;
constexpr int64_t kSliceBytes = int64_t{4} << 20;  // record text of one batch out of a large document

std::string_view TextOf(const arrow::Buffer& chunk) {
  return {reinterpret_cast<const char*>(chunk.data()), static_cast<size_t>(chunk.size())};
}

// White space alone, also behind a byte order mark.
bool IsBlank(const arrow::Buffer& chunk) {
  std::string_view text = TextOf(chunk);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

class JsonCutter : public RowCutter {
 public:
  JsonCutter(UnpackedInput& input, JsonCutterOptions options)
      : options_(std::move(options)),
        input_(input),
        chunker_(
            {.chunk_bytes = options_.chunk_bytes, .line_bytes_max = options_.line_bytes_max, .pool = options_.pool}),
        offset_(options_.from.offset),
        num_lines_(options_.from.num_lines) {}

  Result<std::optional<FileRows>> Next(std::stop_token stop) override {
    if (!decided_) ARROW_RETURN_NOT_OK(Decide());
    while (parts_.empty()) {
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while reading");
      if (done_) return std::nullopt;
      ARROW_RETURN_NOT_OK(lines_ ? ReadLines() : ReadDocument());
    }
    std::optional<FileRows> part = std::move(parts_.front());
    parts_.pop_front();
    return part;
  }

  std::optional<Mark> EndMark() const override {
    if (!lines_ || !options_.marks) return std::nullopt;
    return MarkHere();
  }

 private:
  Mark MarkHere() const {
    return {.offset = offset_, .num_hashed = input_.num_hashed(), .hash = input_.Digest(), .num_lines = num_lines_};
  }

  // Reads until the form can be told: lines if the first line is a whole value and there is more than it.
  Status Decide() {
    decided_ = true;
    lines_ = options_.form != Form::kDocument;
    if (options_.form != Form::kAuto) return Status::OK();
    while (!ended_ && static_cast<int64_t>(first_.size()) < options_.chunk_bytes) ARROW_RETURN_NOT_OK(Fill(&first_));
    const size_t begin = first_.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    const size_t line_end = begin == std::string::npos ? begin : first_.find('\n', begin);
    const bool one_line =
        line_end == std::string::npos || (ended_ && first_.find_first_not_of(" \t\r\n", line_end) == std::string::npos);
    if (one_line || first_[begin] == '[') {
      lines_ = false;
    } else {
      const std::string_view line = std::string_view(first_).substr(begin, line_end - begin);
      lines_ = json::Page::Parse(line, {.layout = json::PageLayout::kDocument, .records = ""}).ok();
    }
    return Status::OK();
  }

  Status Fill(std::string* text) {
    const size_t size = text->size();
    const int64_t wanted = std::min(kReadBytes, options_.chunk_bytes);
    text->resize(size + static_cast<size_t>(wanted));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, input_.Read(wanted, text->data() + size));
    ended_ = got == 0;
    text->resize(size + static_cast<size_t>(got));
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::Buffer>> NextChunk() {
    auto chunk = chunker_.Pop();
    while (chunk == nullptr && !ended_) {
      if (!first_.empty()) {
        ARROW_RETURN_NOT_OK(chunker_.Push(std::exchange(first_, {})));
      } else {
        ARROW_ASSIGN_OR_RAISE(const std::span<char> room, chunker_.Room());
        const int64_t wanted = std::min(kReadBytes, static_cast<int64_t>(room.size()));
        ARROW_ASSIGN_OR_RAISE(const int64_t got, input_.Read(wanted, room.data()));
        ended_ = got == 0;
        ARROW_RETURN_NOT_OK(chunker_.Commit(static_cast<size_t>(got)));
      }
      chunk = chunker_.Pop();
    }
    if (chunk == nullptr && !finished_) {
      finished_ = true;
      ARROW_RETURN_NOT_OK(chunker_.Push(std::exchange(first_, {})));
      ARROW_RETURN_NOT_OK(chunker_.Finish());
      chunk = chunker_.Pop();
    }
    return chunk;
  }

  Status ReadLines() {
    ARROW_ASSIGN_OR_RAISE(auto chunk, NextChunk());
    done_ = chunk == nullptr;
    if (done_) return Status::OK();
    const int64_t size = chunk->size();
    const int64_t first_line = num_lines_ + 1;
    if (options_.counts_lines) {
      const std::string_view text = TextOf(*chunk);
      num_lines_ += std::count(text.begin(), text.end(), '\n') + (text.ends_with('\n') ? 0 : 1);
    }
    const bool blank = IsBlank(*chunk);
    offset_ += size;
    if (blank) return Status::OK();
    const json::PageOptions options{
        .layout = json::PageLayout::kLines, .captures = options_.captures, .pool = options_.pool};
    auto page = json::Page::Parse(std::move(chunk), options);
    if (!page.ok()) return Within("bytes " + std::to_string(offset_ - size) + " and later", page.status());
    if (const int64_t rows = (*page)->num_records(); rows > 0 && options_.chunk_bytes_max > options_.chunk_bytes) {
      chunker_.set_chunk_bytes(std::clamp(size / rows * kRowsOfChunk, options_.chunk_bytes, options_.chunk_bytes_max));
    }
    AddParts(std::move(*page), std::max(kSliceBytes, size), first_line);
    if (options_.marks && !parts_.empty()) parts_.back().mark = MarkHere();
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::Buffer>> ReadAll() {
    const int64_t limit = options_.document_bytes_max > 0
                              ? std::min(options_.document_bytes_max, json::PageOptions::kBodyBytesMax)
                              : json::PageOptions::kBodyBytesMax;
    constexpr int64_t kPaddingBytes = 64;
    auto size = static_cast<int64_t>(first_.size());
    std::shared_ptr<arrow::ResizableBuffer> body;
    ARROW_RETURN_NOT_OK(io::GrowBuffer(size + kReadBytes, 0, options_.pool, &body));
    std::memcpy(body->mutable_data(), first_.data(), first_.size());
    std::string().swap(first_);
    while (!ended_) {
      if (size > limit) {
        return MakeError(Fault::kBadData,
                         "the input is one JSON document of more than " + std::to_string(limit) + " bytes",
                         {.code = "E0606",
                          .why = "one document is read whole; only lines are streamed",
                          .next = "give it as NDJSON (jq -c '.[]'), or raise --memory"});
      }
      if (body->size() < size + kReadBytes) {
        ARROW_RETURN_NOT_OK(io::GrowBuffer(size + size / 2 + kReadBytes, size, options_.pool, &body));
      }
      ARROW_ASSIGN_OR_RAISE(const int64_t got, input_.Read(kReadBytes, body->mutable_data() + size));
      ended_ = got == 0;
      size += got;
    }
    ARROW_RETURN_NOT_OK(io::GrowBuffer(size + kPaddingBytes, size, options_.pool, &body));
    ARROW_RETURN_NOT_OK(io::FitBuffer(size + kPaddingBytes, options_.pool, &body));
    std::memset(body->mutable_data() + size, 0, static_cast<size_t>(kPaddingBytes));
    ARROW_RETURN_NOT_OK(body->Resize(size, /*shrink_to_fit=*/false));
    return std::shared_ptr<arrow::Buffer>(std::move(body));
  }

  Status ReadDocument() {
    done_ = true;
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> body, ReadAll());
    if (IsBlank(*body)) return Status::OK();
    const std::string wanted = options_.records == "." ? "" : options_.records;
    auto parsed = json::Page::Parse(
        std::move(body), json::PageOptions{.records = wanted, .captures = options_.captures, .pool = options_.pool});
    if (!parsed.ok()) return HowElse(parsed.status());
    std::shared_ptr<const json::Page> page = *std::move(parsed);
    if (!page->records_found()) {
      return MakeError(Fault::kBadData, "the document has nothing at `records: " + options_.records + "`",
                       {.code = "E0430", .why = "another document would be read as one without rows"});
    }
    if (options_.records == "auto" && !page->records_path().empty()) {
      log::Info("records found", {{"records", page->records_path()}, {"by", "auto"}});
    }
    AddParts(std::move(page), kSliceBytes, 1);
    return Status::OK();
  }

  Status HowElse(const Status& status) const {
    const ErrorContext* context = ContextOf(status);
    const bool lost = context != nullptr && (context->code == "E0447" || context->code == "E0444");
    if (!lost || options_.how_else.empty()) return status;
    return MakeError(FaultOf(status), status.message(),
                     {.code = context->code, .why = context->why, .next = options_.how_else});
  }

  void AddParts(std::shared_ptr<const json::Page> page, int64_t slice_bytes, int64_t first_line) {
    const uint32_t count = page->num_records();
    for (uint32_t begin = 0; begin < count;) {
      const int64_t from = page->RecordOffset(begin);
      uint32_t end = begin + 1;
      while (end < count && page->RecordOffset(end) - from < slice_bytes) ++end;
      std::vector<uint32_t> rows(end - begin);
      std::iota(rows.begin(), rows.end(), begin);
      parts_.push_back({.page = page, .rows = std::move(rows), .mark = {}, .first_line = first_line});
      begin = end;
    }
  }

  const JsonCutterOptions options_;
  UnpackedInput& input_;
  json::Chunker chunker_;
  std::string first_;  // read and not yet used
  bool decided_ = false;
  bool lines_ = true;
  bool ended_ = false;     // the input has
  bool finished_ = false;  // the chunker was told
  bool done_ = false;      // all pages are cut
  int64_t offset_;
  int64_t num_lines_;
  std::deque<FileRows> parts_;
};

}  // namespace

std::unique_ptr<RowCutter> MakeJsonCutter(UnpackedInput& input, JsonCutterOptions options) {
  return std::make_unique<JsonCutter>(input, std::move(options));
}

}  // namespace firn::source
