#include "pipeline/lines_source.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "format/json/page.h"
#include "io/file_store.h"
#include "source/file_input.h"
#include "source/row_cutter.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kRowBytesMax = int64_t{64} << 20;  // of CSV

// Bytes of a file descriptor, from the front; what was looked at first is given again.
class Input : public arrow::io::InputStream {
 public:
  Input(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~Input() override { static_cast<void>(Input::Close()); }

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

struct Bytes {
  std::shared_ptr<arrow::io::InputStream> input;
  config::FileCompression compression;
};

Result<Bytes> OpenInput(const std::string& path) {
  const int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io::FileError("open", path, errno);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  auto input = std::make_shared<Input>(fd, path);
  ARROW_ASSIGN_OR_RAISE(const std::string magic, input->Look(4));
  const auto compression = source::CompressionOf(magic);
  if (compression == config::FileCompression::kZip) {
    return MakeError(
        Fault::kBadData, path + " is a zip archive",
        {.code = "E0883", .next = "name it .zip: firn copy " + (path == "-" ? "rows" : path) + ".zip TARGET"});
  }
  return Bytes{std::move(input), compression};
}

class LinesReader : public source::SplitReader {
 public:
  Status Open(const LinesSourceOptions& options) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, OpenInput(options.path));
    ARROW_ASSIGN_OR_RAISE(input_, source::UnpackedInput::Open(std::move(bytes.input),
                                                              {.compression = bytes.compression, .hashes = false}));
    cutter_ = source::CutAhead(IsCsv(options) ? CutCells(options) : CutJson(options), options.ahead_bytes);
    return Status::OK();
  }

  Result<std::optional<source::Event>> Next(std::stop_token stop) override {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while reading");
    ARROW_ASSIGN_OR_RAISE(auto rows, cutter_->Next(stop));
    if (!rows) return std::nullopt;
    const int64_t num_bytes = rows->TextBytes();
    return source::Batch{.rows = source::JsonRows{.page = std::move(rows->page), .rows = std::move(rows->rows)},
                         .num_bytes = num_bytes};
  }

 private:
  static bool IsNamed(const LinesSourceOptions& options, std::string_view end) {
    return options.path.find(end) != std::string::npos;
  }

  static bool IsCsv(const LinesSourceOptions& options) {
    if (options.format != LinesFormat::kAuto) return options.format == LinesFormat::kCsv;
    return IsNamed(options, ".csv") || IsNamed(options, ".tsv");
  }

  std::unique_ptr<source::RowCutter> CutCells(const LinesSourceOptions& options) {
    source::CsvCutterOptions cells;
    cells.reader.csv = options.csv;
    cells.reader.csv.prefers_tab = options.csv.prefers_tab || IsNamed(options, ".tsv");
    cells.reader.page_bytes = options.chunk_bytes;
    cells.reader.record_bytes_max =
        options.document_bytes_max > 0 ? std::min(options.document_bytes_max, kRowBytesMax) : kRowBytesMax;
    cells.reader.pool = options.pool;
    return source::MakeCsvCutter(*input_, std::move(cells));
  }

  std::unique_ptr<source::RowCutter> CutJson(const LinesSourceOptions& options) {
    using Form = source::JsonCutterOptions::Form;
    const bool lines = IsNamed(options, ".ndjson") || IsNamed(options, ".jsonl");
    return source::MakeJsonCutter(
        *input_, {.form = lines ? Form::kLines : Form::kAuto,
                  .chunk_bytes = options.chunk_bytes,
                  .chunk_bytes_max = options.chunk_bytes_max,
                  .document_bytes_max = options.document_bytes_max,
                  .line_bytes_max = format::json::PageOptions::kBodyBytesMax,
                  .how_else = "give lines: jq -c '.items[]' for a list in it, jq -c . for the whole as one record; "
                              "then firn copy - TARGET",
                  .pool = options.pool});
  }

  std::unique_ptr<source::UnpackedInput> input_;  // before the cutter, which borrows it
  std::unique_ptr<source::RowCutter> cutter_;
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
    auto reader = std::make_unique<LinesReader>();
    ARROW_RETURN_NOT_OK(reader->Open(options_));
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
