#include "pipeline/lines_source.h"

#include <arrow/buffer.h>
#include <arrow/io/compressed.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/util/compression.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bounded_queue.h"
#include "base/task_group.h"
#include "format/json/chunker.h"
#include "format/json/page.h"
#include "io/file_store.h"

namespace firn::pipeline {
namespace {

namespace json = format::json;

constexpr int64_t kReadBytes = int64_t{1} << 20;
constexpr int64_t kSliceBytes = int64_t{4} << 20;  // record text of one batch out of a large document

// Bytes of a file descriptor, from the front; what was looked at first is given again.
class Input : public arrow::io::InputStream {
 public:
  Input(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~Input() override { static_cast<void>(Close()); }

  Status Close() override {
    if (fd_ > STDIN_FILENO) ::close(std::exchange(fd_, -1));
    return Status::OK();
  }
  bool closed() const override { return fd_ < 0; }
  Result<int64_t> Tell() const override { return position_; }

  Result<int64_t> Read(int64_t nbytes, void* out) override {
    auto* to = static_cast<uint8_t*>(out);
    int64_t total = std::min<int64_t>(nbytes, static_cast<int64_t>(seen_.size()));
    std::memcpy(to, seen_.data(), static_cast<size_t>(total));
    seen_.erase(0, static_cast<size_t>(total));
    while (total < nbytes) {
      const ssize_t got = ::read(fd_, to + total, static_cast<size_t>(nbytes - total));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return io::FileError("read", path_, errno);
      if (got == 0) break;
      total += got;
    }
    position_ += total;
    return total;
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, Read(nbytes, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  // Returns the first bytes without taking them.
  Result<std::string> Look(size_t size) {
    std::string first(size, '\0');
    ARROW_ASSIGN_OR_RAISE(const int64_t got, Read(static_cast<int64_t>(size), first.data()));
    first.resize(static_cast<size_t>(got));
    position_ -= got;
    seen_.insert(0, first);
    return first;
  }

 private:
  int fd_;
  const std::string path_;
  std::string seen_;
  int64_t position_ = 0;
};

Result<std::shared_ptr<arrow::io::InputStream>> OpenInput(const std::string& path) {
  const int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io::FileError("open", path, errno);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  auto input = std::make_shared<Input>(fd, path);
  ARROW_ASSIGN_OR_RAISE(const std::string magic, input->Look(4));
  auto type = arrow::Compression::UNCOMPRESSED;
  if (magic.starts_with("\x1f\x8b")) type = arrow::Compression::GZIP;
  if (magic == "\x28\xb5\x2f\xfd") type = arrow::Compression::ZSTD;
  if (type == arrow::Compression::UNCOMPRESSED) return input;
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::util::Codec> codec, arrow::util::Codec::Create(type));
  return arrow::io::CompressedInputStream::Make(codec.get(), input);
}

struct PageRows {
  std::shared_ptr<const json::Page> page;
  std::vector<uint32_t> rows;
};

int64_t TextBytes(const PageRows& part) {
  return part.rows.empty() ? 0
                           : part.page->RecordOffset(part.rows.back()) +
                                 static_cast<int64_t>(part.page->RecordText(part.rows.back()).size()) -
                                 part.page->RecordOffset(part.rows.front());
}

// Cuts bytes into pages. Used by one thread.
class PageCutter {
 public:
  explicit PageCutter(const LinesSourceOptions& options)
      : options_(options), chunker_({.chunk_bytes = options.chunk_bytes, .pool = options.pool}) {}

  Status Open() {
    ARROW_ASSIGN_OR_RAISE(input_, OpenInput(options_.path));
    buffer_.resize(static_cast<size_t>(kReadBytes));
    return Status::OK();
  }

  /// Returns the next rows, or nullopt at the end.
  Result<std::optional<PageRows>> Next() {
    if (!decided_) ARROW_RETURN_NOT_OK(Decide());
    while (parts_.empty()) {
      if (done_) return std::nullopt;
      ARROW_RETURN_NOT_OK(lines_ ? ReadLines() : ReadDocument());
    }
    std::optional<PageRows> part = std::move(parts_.front());
    parts_.pop_front();
    return part;
  }

 private:
  // Reads until the form can be told: lines if the first line is a whole value and there is more than it.
  Status Decide() {
    decided_ = true;
    const auto named = [&](std::string_view end) { return options_.path.find(end) != std::string::npos; };
    if (named(".ndjson") || named(".jsonl")) return Status::OK();
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
    ARROW_ASSIGN_OR_RAISE(const int64_t got, input_->Read(kReadBytes, buffer_.data()));
    ended_ = got == 0;
    text->append(buffer_.data(), static_cast<size_t>(got));
    return Status::OK();
  }

  Status ReadLines() {
    auto chunk = chunker_.Pop();
    while (chunk == nullptr && !ended_) {
      if (!first_.empty()) {
        ARROW_RETURN_NOT_OK(chunker_.Push(std::exchange(first_, {})));
      } else {
        ARROW_ASSIGN_OR_RAISE(const int64_t got, input_->Read(kReadBytes, buffer_.data()));
        ended_ = got == 0;
        ARROW_RETURN_NOT_OK(chunker_.Push({buffer_.data(), static_cast<size_t>(got)}));
      }
      chunk = chunker_.Pop();
    }
    if (chunk == nullptr && !finished_) {
      finished_ = true;
      ARROW_RETURN_NOT_OK(chunker_.Push(std::exchange(first_, {})));
      ARROW_RETURN_NOT_OK(chunker_.Finish());
      chunk = chunker_.Pop();
    }
    done_ = chunk == nullptr;
    if (done_ || IsBlank(*chunk)) return Status::OK();
    const json::PageOptions options{.layout = json::PageLayout::kLines, .pool = options_.pool};
    const int64_t size = chunk->size();
    auto page = json::Page::Parse(std::move(chunk), options);
    if (!page.ok()) return Within("bytes " + std::to_string(offset_) + " and later", page.status());
    offset_ += size;
    AddParts(std::move(*page));
    return Status::OK();
  }

  Status ReadDocument() {
    done_ = true;
    const int64_t limit = options_.document_bytes_max > 0
                              ? std::min(options_.document_bytes_max, json::PageOptions::kBodyBytesMax)
                              : json::PageOptions::kBodyBytesMax;
    while (!ended_) {
      if (static_cast<int64_t>(first_.size()) > limit) {
        return MakeError(Fault::kBadData,
                         "the input is one JSON document of more than " + std::to_string(limit) + " bytes",
                         {.code = "E0606",
                          .why = "one document is read whole; only lines are streamed",
                          .next = "give it as NDJSON (jq -c '.[]'), or raise --memory"});
      }
      ARROW_RETURN_NOT_OK(Fill(&first_));
    }
    if (first_.find_first_not_of(" \t\r\n") == std::string::npos) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto body, json::AllocateBody(static_cast<int64_t>(first_.size()), options_.pool));
    std::memcpy(body->mutable_data(), first_.data(), first_.size());
    std::string().swap(first_);
    ARROW_ASSIGN_OR_RAISE(
        auto page, json::Page::Parse(std::move(body), json::PageOptions{.records = "auto", .pool = options_.pool}));
    AddParts(std::move(page));
    return Status::OK();
  }

  static bool IsBlank(const arrow::Buffer& chunk) {
    const std::string_view text(reinterpret_cast<const char*>(chunk.data()), static_cast<size_t>(chunk.size()));
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
  }

  void AddParts(std::shared_ptr<const json::Page> page) {
    const uint32_t count = page->num_records();
    for (uint32_t begin = 0; begin < count;) {
      const int64_t from = page->RecordOffset(begin);
      uint32_t end = begin + 1;
      while (end < count && page->RecordOffset(end) - from < kSliceBytes) ++end;
      std::vector<uint32_t> rows(end - begin);
      std::iota(rows.begin(), rows.end(), begin);
      parts_.push_back({page, std::move(rows)});
      begin = end;
    }
  }

  const LinesSourceOptions& options_;
  json::Chunker chunker_;
  std::shared_ptr<arrow::io::InputStream> input_;
  std::string buffer_;
  std::string first_;  // read and not yet used
  bool decided_ = false;
  bool lines_ = true;
  bool ended_ = false;     // the input has
  bool finished_ = false;  // the chunker was told
  bool done_ = false;      // all pages are cut
  int64_t offset_ = 0;
  std::deque<PageRows> parts_;
};

class LinesReader : public source::SplitReader {
 public:
  explicit LinesReader(const LinesSourceOptions& options) : cutter_(options) {}

  Status Start(int64_t ahead_bytes) {
    ARROW_RETURN_NOT_OK(cutter_.Open());
    if (ahead_bytes == 0) return Status::OK();
    queue_ = std::make_unique<BoundedQueue<Item>>(ahead_bytes);
    group_ = std::make_unique<TaskGroup>();
    group_->Spawn([this](std::stop_token stop) { return ReadAhead(stop); });
    return Status::OK();
  }

  Result<std::optional<source::Event>> Next(std::stop_token stop) override {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while reading");
    std::optional<PageRows> part;
    if (queue_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(part, cutter_.Next());
    } else {
      ARROW_ASSIGN_OR_RAISE(auto item, queue_->Pop(stop));
      if (!item) return std::nullopt;
      ARROW_RETURN_NOT_OK(item->status);
      part = std::move(item->part);
    }
    if (!part) return std::nullopt;
    const int64_t num_bytes = TextBytes(*part);
    return source::Batch{.rows = source::JsonRows{.page = std::move(part->page), .rows = std::move(part->rows)},
                         .num_bytes = num_bytes};
  }

 private:
  struct Item {
    Status status;  // not ok: reading failed after the rows before
    PageRows part;
  };

  Status ReadAhead(std::stop_token stop) {
    while (true) {
      auto part = cutter_.Next();
      if (!part.ok()) ARROW_RETURN_NOT_OK(queue_->Push({.status = part.status()}, 0, stop));
      if (!part.ok() || !part->has_value()) break;
      const int64_t size = (*part)->page->is_lines() ? (*part)->page->bytes_held() : 0;
      ARROW_RETURN_NOT_OK(queue_->Push({.part = std::move(**part)}, size, stop));
    }
    queue_->Finish();
    return Status::OK();
  }

  PageCutter cutter_;
  std::unique_ptr<BoundedQueue<Item>> queue_;
  std::unique_ptr<TaskGroup> group_;  // last: its thread ends before the rest is destroyed
};

class LinesSource : public source::Source {
 public:
  explicit LinesSource(LinesSourceOptions options) : options_(std::move(options)) {}

  std::vector<std::string> tables() const override { return {options_.table}; }
  Result<source::TableTraits> Traits(const std::string&) const override { return source::TableTraits{}; }
  Result<std::vector<source::Split>> Plan(const source::ReadRequest&, std::stop_token) override {
    return std::vector<source::Split>{source::Split{.json = "{}"}};
  }
  Result<std::unique_ptr<source::SplitReader>> OpenSplit(source::ReadRequest&, const source::Split&) override {
    auto reader = std::make_unique<LinesReader>(options_);
    ARROW_RETURN_NOT_OK(reader->Start(options_.ahead_bytes));
    return reader;
  }
  Status Acknowledge(const std::string&, const source::Split&, const source::Position&) override {
    return Status::OK();
  }
  source::ReadStats stats(const std::string&) const override { return {}; }

 private:
  const LinesSourceOptions options_;
};

}  // namespace

Result<std::unique_ptr<source::Source>> MakeLinesSource(LinesSourceOptions options) {
  return std::make_unique<LinesSource>(std::move(options));
}

}  // namespace firn::pipeline
