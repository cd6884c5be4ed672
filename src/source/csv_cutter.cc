#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "source/row_cutter.h"

namespace firn::source {
namespace {

namespace csv = format::csv;
namespace json = format::json;

constexpr int64_t kReadBytes = int64_t{1} << 20;

class CsvCutter : public RowCutter {
 public:
  CsvCutter(UnpackedInput& input, CsvCutterOptions options)
      : input_(input),
        captures_(std::move(options.captures)),
        marks_(options.marks),
        end_(StartOf(options)),
        reader_(std::move(options.reader)) {}

  Result<std::optional<FileRows>> Next(std::stop_token stop) override {
    auto rows = reader_.Pop();
    while (!rows && !finished_) {
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while reading");
      ARROW_ASSIGN_OR_RAISE(const std::span<char> room, reader_.Room());
      const int64_t wanted = std::min(kReadBytes, static_cast<int64_t>(room.size()));
      ARROW_ASSIGN_OR_RAISE(const int64_t got, input_.Read(wanted, room.data()));
      finished_ = got == 0;
      const Status read = finished_ ? reader_.Finish() : reader_.Commit(static_cast<size_t>(got));
      if (!read.ok()) finished_ = true;
      rows = reader_.Pop();
      if (rows && !read.ok()) broken_ = read;  // after the rows before
      if (!rows) ARROW_RETURN_NOT_OK(read);
    }
    if (!rows) {
      ARROW_RETURN_NOT_OK(broken_);
      return std::nullopt;
    }
    FileRows out{.page = json::Page::OfCells(rows->page, captures_),
                 .first_line = static_cast<int64_t>(rows->page->first_line)};
    out.rows.resize(out.page->num_records());
    std::iota(out.rows.begin(), out.rows.end(), 0U);
    end_ = rows->end;
    if (marks_) out.mark = MarkHere();
    return out;
  }

  std::optional<Mark> EndMark() const override {
    if (!marks_) return std::nullopt;
    // Nothing was read: whatever comes, the file is read from its beginning.
    return end_ ? MarkHere() : Mark{.offset = 0, .num_hashed = 0, .hash = Xxh3(""), .num_lines = 0, .csv = {}};
  }

 private:
  Mark MarkHere() const {
    return {.offset = end_->byte,
            .num_hashed = input_.num_hashed(),
            .hash = input_.Digest(),
            .num_lines = end_->line - 1,
            .csv = csv::ToJson(reader_.StartAt(*end_))};
  }

  static std::optional<csv::Place> StartOf(const CsvCutterOptions& options) {
    return options.reader.start ? std::optional(options.reader.start->place) : std::nullopt;
  }

  UnpackedInput& input_;
  const std::vector<std::string> captures_;
  const bool marks_;
  std::optional<csv::Place> end_;  // of the rows that were given, here or before
  csv::RowReader reader_;
  bool finished_ = false;  // no further bytes are wanted
  Status broken_;
};

}  // namespace

std::unique_ptr<RowCutter> MakeCsvCutter(UnpackedInput& input, CsvCutterOptions options) {
  return std::make_unique<CsvCutter>(input, std::move(options));
}

}  // namespace firn::source
