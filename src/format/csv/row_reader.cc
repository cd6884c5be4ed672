#include "format/csv/row_reader.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/util/utf8.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include "format/byte_count.h"
#include "format/csv/encoding.h"
#include "format/csv/header.h"
#include "format/csv/record_index.h"
#include "format/csv/separators.h"
#include "format/csv/sniffer.h"
#include "io/buffer_recycler.h"
#include "io/mapped_buffer.h"

namespace firn::format::csv {
namespace {

constexpr auto kPadding = static_cast<int64_t>(CellPage::kPadding);
constexpr int64_t kSampleBytes = int64_t{64} << 10;
constexpr size_t kMarkBytesMax = 3;
constexpr size_t kPieceBytes = size_t{64} << 10;  // of another encoding, made UTF-8 at once
constexpr size_t kKeptMax = 4;
constexpr int64_t kHeldPerRow = 20;  // by those who work with a page: places, numbers and lines of its rows
constexpr int64_t kHeldPerText = 4;  // what all of it may be, of page_bytes
constexpr int64_t kKeptBytesMax = int64_t{16} << 20;

// Text in which every other byte is zero.
bool LooksLikeUtf16(std::string_view text) {
  const std::string_view first = text.substr(0, 1000);
  return first.size() >= 4 && std::ranges::count(first, '\0') * 3 > static_cast<std::ptrdiff_t>(first.size());
}

// The line that names the delimiter, as spreadsheets write it before all others: "sep=;".
struct SeparatorLine {
  char delimiter = 0;  // 0: there is none
  size_t size = 0;     // with its end
};

// `text`: the begin of a file, of kSeparatorLineMax bytes or whole.
constexpr size_t kSeparatorLineMax = 7;
SeparatorLine FindSeparatorLine(std::string_view text) {
  constexpr std::string_view kName = "sep=";
  if (text.size() <= kName.size() || !text.starts_with(kName)) return {};
  const char delimiter = text[kName.size()];
  const bool can_be =
      delimiter == '\t' || std::string_view(",;|^~:!#$%&*+-./@_").find(delimiter) != std::string_view::npos;
  const std::string_view rest = text.substr(kName.size() + 1);
  const size_t end = rest.starts_with("\r\n") ? 2 : rest.starts_with('\n') || rest.starts_with('\r') ? 1 : 0;
  if (!can_be || (end == 0 && !rest.empty())) return {};
  return {.delimiter = delimiter, .size = kName.size() + 1 + end};
}

}  // namespace

class RowReader::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {
    if (!options_.pool) options_.pool = arrow::default_memory_pool();
    buffers_ = io::BufferRecycler::Make({.buffers_max = kKeptMax, .bytes_max = kKeptBytesMax, .pool = options_.pool});
    arrow::util::InitializeUTF8();
    index_buffers_ =
        io::BufferRecycler::Make({.buffers_max = kKeptMax, .bytes_max = kKeptBytesMax, .pool = options_.pool});
    wanted_bytes_ = kSampleBytes;
    if (!options_.start) return;
    place_ = options_.start->place;
    has_encoding_ = true;
    transcoder_ = Transcoder(options_.start->dialect.encoding);
    SetDialect(options_.start->dialect, options_.start->columns);
  }

  Status Push(std::string_view bytes) {
    if (!has_encoding_) {
      const size_t taken = std::min(bytes.size(), kMarkBytesMax - first_.size());
      first_ += bytes.substr(0, taken);
      bytes.remove_prefix(taken);
      if (first_.size() < kMarkBytesMax) return Status::OK();
      ARROW_RETURN_NOT_OK(ChooseEncoding());
    }
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kPieceBytes))) {
      ARROW_RETURN_NOT_OK(Take(bytes.substr(0, kPieceBytes)));
    }
    return Status::OK();
  }

  Result<std::span<char>> Room() {
    if (!takes_bytes_as_they_are()) {
      piece_.resize(kPieceBytes);
      return std::span(piece_);
    }
    const int64_t room = std::max(wanted_bytes_ - pending_size_, kSampleBytes);
    ARROW_RETURN_NOT_OK(Grow(pending_size_ + room));
    return std::span(reinterpret_cast<char*>(pending_->mutable_data()) + pending_size_, static_cast<size_t>(room));
  }

  Status Commit(size_t size) {
    if (!takes_bytes_as_they_are()) return Push(std::string_view(piece_).substr(0, size));
    pending_size_ += static_cast<int64_t>(size);
    return pending_size_ >= wanted_bytes_ ? Advance() : Status::OK();
  }

  Status Finish() {
    if (!has_encoding_) ARROW_RETURN_NOT_OK(ChooseEncoding());
    text_.clear();
    transcoder_.Finish(text_);
    ARROW_RETURN_NOT_OK(Keep(text_));
    finished_ = true;
    ARROW_RETURN_NOT_OK(Advance());
    if (pending_size_ == 0) return Status::OK();
    return MakeError(Fault::kBadData,
                     "line " + std::to_string(LineOf(separators_.open_quote)) + ": a quote is opened and never closed",
                     {.code = "E0612", .next = "mend the file, or name its quote and escape if they are others"});
  }

  std::optional<Rows> Pop() {
    if (ready_.empty()) return std::nullopt;
    std::optional<Rows> rows = std::move(ready_.front());
    ready_.pop_front();
    ready_bytes_ -= static_cast<int64_t>(rows->page->body.size());
    return rows;
  }

  bool is_open() const { return columns_ != nullptr; }
  const Dialect& dialect() const { return dialect_; }
  const std::vector<std::string>& columns() const { return *columns_; }
  int64_t bytes_held() const { return ready_bytes_ + pending_size_; }

 private:
  bool takes_bytes_as_they_are() const { return has_encoding_ && encoding_ == Encoding::kUtf8; }

  // By the byte order mark, else as declared.
  Status ChooseEncoding() {
    has_encoding_ = true;
    const ByteOrderMark mark = FindByteOrderMark(first_);
    Encoding encoding = options_.csv.encoding.value_or(Encoding::kUtf8);
    if (mark.num_bytes > 0) encoding = mark.encoding;
    encoding_ = encoding;
    transcoder_ = Transcoder(encoding);
    place_.byte = mark.num_bytes;
    return Take(std::string_view(first_).substr(static_cast<size_t>(mark.num_bytes)));
  }

  Status Take(std::string_view bytes) {
    if (encoding_ == Encoding::kUtf8) {
      ARROW_RETURN_NOT_OK(Keep(bytes));
    } else {
      text_.clear();
      transcoder_.Append(bytes, text_);
      ARROW_RETURN_NOT_OK(Keep(text_));
    }
    return pending_size_ >= wanted_bytes_ ? Advance() : Status::OK();
  }

  Status Keep(std::string_view text) {
    ARROW_RETURN_NOT_OK(Grow(pending_size_ + static_cast<int64_t>(text.size())));
    std::memcpy(pending_->mutable_data() + pending_size_, text.data(), text.size());
    pending_size_ += static_cast<int64_t>(text.size());
    return Status::OK();
  }

  // Makes room for `size` bytes and the padding.
  Status Grow(int64_t size) {
    if (pending_ && pending_->size() >= size + kPadding) return Status::OK();
    const int64_t wanted =
        std::max(options_.page_bytes + options_.page_bytes / 8, pending_ ? 2 * size : size) + kPadding;
    if (pending_) return io::GrowBuffer(wanted, pending_size_, options_.pool, &pending_);
    return buffers_->Take(wanted).Value(&pending_);
  }

  Status Advance() {
    if (!is_open()) ARROW_RETURN_NOT_OK(Open());
    if (!is_open()) return Status::OK();
    if (finished_ || pending_size_ >= wanted_bytes_) return Cut();
    return Status::OK();
  }

  // Finds out dialect and names, if there is enough text.
  Status Open() {
    std::string_view text = PaddedText();
    if (encoding_ == Encoding::kUtf8 && LooksLikeUtf16(text)) {
      return HeaderError("the file seems to be UTF-16 without a byte order mark",
                         "csv: {encoding: utf-16le}, or --encoding utf-16le");
    }
    if (text.size() < kSeparatorLineMax && !finished_) return AwaitMore();
    const SeparatorLine separator = FindSeparatorLine(text);
    CsvOptions options = options_.csv;
    if (separator.delimiter != 0 && !options.delimiter) options.delimiter = separator.delimiter;
    size_t skipped = options.skip_lines == 0 ? separator.size : 0;
    for (int64_t line = 0; line < options_.csv.skip_lines; ++line) {
      const size_t end = text.find('\n', skipped);
      if (end == std::string_view::npos && !finished_) return AwaitMore();
      skipped = end == std::string_view::npos ? text.size() : end + 1;
    }
    text.remove_prefix(skipped);
    std::optional<Dialect> dialect = Sniff(text, options, finished_);
    if (!dialect) return AwaitMore();
    dialect->encoding = encoding_;
    const auto first = ReadFirstRecord(text, *dialect, finished_);
    if (!first && !finished_) return AwaitMore();
    ARROW_RETURN_NOT_OK(Name(*std::move(dialect), first));
    const size_t passed = skipped + (dialect_.header && first ? first->end : 0);
    return Drop(static_cast<int64_t>(passed), LineOf(static_cast<uint32_t>(passed)) - place_.line);
  }

  Status Name(Dialect dialect, const std::optional<FirstRecord>& first) {
    std::vector<std::string> fields = first ? first->fields : std::vector<std::string>();
    for (const std::string& field : fields) {
      if (dialect.header && !arrow::util::ValidateUTF8(field)) {
        return HeaderError("the header is not UTF-8", "csv: {encoding: latin-1}, or --encoding latin-1");
      }
    }
    if (!dialect.header) fields.assign(fields.size(), "");
    if (!options_.csv.columns.empty() && first) {
      if (fields.size() != options_.csv.columns.size()) {
        return HeaderError(std::to_string(options_.csv.columns.size()) + " columns are named, the file has " +
                               std::to_string(fields.size()),
                           "");
      }
      fields = options_.csv.columns;
    }
    SetDialect(std::move(dialect), NamesOf(fields));
    return Status::OK();
  }

  Status HeaderError(const std::string& what, const std::string& next) const {
    return MakeError(Fault::kBadData, what, {.code = "E0611", .next = next});
  }

  void SetDialect(Dialect dialect, std::vector<std::string> columns) {
    dialect_ = std::move(dialect);
    encoding_ = dialect_.encoding;
    columns_ = std::make_shared<const std::vector<std::string>>(std::move(columns));
    nulls_ = dialect_.nulls.empty() ? nullptr : std::make_shared<const std::vector<std::string>>(dialect_.nulls);
    page_wanted_ = wanted_bytes_ = options_.page_bytes;
  }

  Status AwaitMore() {
    if (pending_size_ <= options_.record_bytes_max) {
      wanted_bytes_ = std::max(wanted_bytes_, 2 * pending_size_);
      return Status::OK();
    }
    const std::string line = std::to_string(LineOf(separators_.is_open ? separators_.open_quote : 0));
    const std::string what = separators_.is_open ? "a quote is opened and not closed" : "the row does not end";
    return MakeError(Fault::kBadData,
                     "line " + line + ": " + what + " within " + std::to_string(options_.record_bytes_max) + " bytes",
                     {.code = "E0610", .next = "name the quote, escape and delimiter if they are others"});
  }

  // Makes a page of the whole records that are pending.
  Status Cut() {
    FindSeparators(PaddedText(), dialect_, finished_, separators_);
    const auto num_starts = static_cast<int64_t>(separators_.records.size() * (columns_->size() + 1));
    ARROW_ASSIGN_OR_RAISE(auto starts, index_buffers_->Take(num_starts * static_cast<int64_t>(sizeof(uint32_t))));
    auto* const to = reinterpret_cast<uint32_t*>(starts->mutable_data());
    IndexRecords(PaddedText(), separators_, dialect_, columns_->size(), to, index_);
    if (index_.end == 0) return finished_ ? Status::OK() : AwaitMore();
    wanted_bytes_ = page_wanted_;
    const auto end = static_cast<int64_t>(index_.end);
    if (separators_.is_open) separators_.open_quote -= static_cast<uint32_t>(end);  // of what stays
    const auto lines = static_cast<int64_t>(index_.lines);
    if (index_.num_records == 0) return Drop(end, lines);
    std::shared_ptr<arrow::ResizableBuffer> body = pending_;
    const int64_t line = place_.line;
    ARROW_RETURN_NOT_OK(Drop(end, lines));
    if (finished_) ARROW_RETURN_NOT_OK(io::FitBuffer(end + kPadding, options_.pool, &body));
    std::memset(body->mutable_data() + end, 0, CellPage::kPadding);
    auto page = std::make_shared<CellPage>();
    page->buffer = body;
    page->body = {reinterpret_cast<const char*>(body->data()), static_cast<size_t>(end)};
    page->columns = columns_;
    page->starts_buffer = std::move(starts);
    page->starts = to;
    page->num_records = index_.num_records;
    page->bad = std::move(index_.bad);
    page->first_line = static_cast<uint64_t>(line);
    page->has_quotes = separators_.has_quotes;
    page->quote = dialect_.quote;
    page->escape = dialect_.escape;
    page->line_end = line_end();
    page->null_texts = nulls_;
    page_wanted_ = WantedLike(*page);
    wanted_bytes_ = page_wanted_;
    ready_bytes_ += end;
    ready_.push_back({.page = std::move(page), .end = place_});
    return Status::OK();
  }

  // The text of the next page, if its rows are like these: short ones hold several times their text.
  int64_t WantedLike(const CellPage& page) const {
    const int64_t held = page.bytes_held() + page.num_records * kHeldPerRow;
    const auto text = static_cast<double>(page.body.size());
    const double part = static_cast<double>(kHeldPerText) * text / static_cast<double>(held);
    return std::clamp(static_cast<int64_t>(part * static_cast<double>(options_.page_bytes)),
                      std::min(options_.page_bytes, kSampleBytes), options_.page_bytes);
  }

  // The first `size` pending bytes are done with; what is left moves to a buffer of its own.
  Status Drop(int64_t size, int64_t lines) {
    place_.byte += SourceBytes(Text().substr(0, static_cast<size_t>(size)), encoding_);
    place_.line += lines;
    const std::shared_ptr<arrow::ResizableBuffer> before = std::move(pending_);
    pending_ = nullptr;
    const int64_t rest = std::exchange(pending_size_, 0) - size;
    if (rest == 0) return Status::OK();
    return Keep({reinterpret_cast<const char*>(before->data()) + size, static_cast<size_t>(rest)});
  }

  char line_end() const { return dialect_.cr_lines ? '\r' : '\n'; }
  int64_t LineOf(uint32_t offset) const {
    return place_.line + static_cast<int64_t>(CountByte(Text().substr(0, offset), line_end()));
  }
  std::string_view Text() const {
    if (pending_ == nullptr) return {};
    return {reinterpret_cast<const char*>(pending_->data()), static_cast<size_t>(pending_size_)};
  }
  std::string_view PaddedText() {
    if (pending_ != nullptr) std::memset(pending_->mutable_data() + pending_size_, 0, CellPage::kPadding);
    return Text();
  }

  Options options_;
  std::shared_ptr<io::BufferRecycler> buffers_;        // of text
  std::shared_ptr<io::BufferRecycler> index_buffers_;  // of CellPage::starts
  std::string first_;                                  // until the encoding is known
  bool has_encoding_ = false;
  Encoding encoding_ = Encoding::kUtf8;
  Transcoder transcoder_{Encoding::kUtf8};
  std::string text_;   // scratch
  std::string piece_;  // what Room gave, of another encoding
  std::shared_ptr<arrow::ResizableBuffer> pending_;
  int64_t pending_size_ = 0;
  int64_t wanted_bytes_ = 0;  // before the next look
  int64_t page_wanted_ = 0;   // of a page
  Place place_;               // of the first pending byte
  Dialect dialect_;
  std::shared_ptr<const std::vector<std::string>> columns_;  // null: not open
  std::shared_ptr<const std::vector<std::string>> nulls_;
  Separators separators_;
  RecordIndex index_;
  std::deque<Rows> ready_;
  int64_t ready_bytes_ = 0;
  bool finished_ = false;
};

RowReader::RowReader(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
RowReader::~RowReader() = default;
Status RowReader::Push(std::string_view bytes) {
  return impl_->Push(bytes);
}
Result<std::span<char>> RowReader::Room() {
  return impl_->Room();
}
Status RowReader::Commit(size_t size) {
  return impl_->Commit(size);
}
Status RowReader::Finish() {
  return impl_->Finish();
}
std::optional<RowReader::Rows> RowReader::Pop() {
  return impl_->Pop();
}
bool RowReader::is_open() const {
  return impl_->is_open();
}
const Dialect& RowReader::dialect() const {
  return impl_->dialect();
}
const std::vector<std::string>& RowReader::columns() const {
  return impl_->columns();
}
int64_t RowReader::bytes_held() const {
  return impl_->bytes_held();
}

}  // namespace firn::format::csv
