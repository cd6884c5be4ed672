#include "format/csv/record_index.h"

#include <arrow/util/utf8.h>

#include <algorithm>

#include "format/byte_count.h"

namespace firn::format::csv {
namespace {

constexpr char kEncodingNext[] =
    "name the file's encoding: csv: {encoding: latin-1}, or --encoding latin-1 (windows-1252, utf-16le, utf-16be); "
    "on_error: quarantine sets such rows aside";
constexpr char kOtherNext[] = "name another encoding; on_error: quarantine sets such rows aside";

std::string CountText(size_t count) {
  return std::to_string(count) + (count == 1 ? " field" : " fields");
}

// Bytes before the first that begins no UTF-8 character.
size_t ValidBytes(std::string_view text) {
  size_t size = 0;
  while (size < text.size()) {
    size_t length = 1;
    while (length < 4 && size + length < text.size() && (text[size + length] & 0xC0) == 0x80) ++length;
    if (!arrow::util::ValidateUTF8(text.substr(size, length))) break;
    size += length;
  }
  return size;
}

class Indexer {
 public:
  Indexer(std::string_view text, const Separators& separators, const Dialect& dialect, size_t num_columns,
          uint32_t* starts, RecordIndex& out)
      : text_(text),
        separators_(separators),
        dialect_(dialect),
        num_columns_(num_columns),
        starts_(starts),
        out_(out) {}

  void Run() {
    out_.num_records = 0;
    out_.bad.clear();
    out_.end = 0;
    uint32_t* to = starts_;
    auto broken = separators_.broken.begin();
    size_t first = 0;
    uint32_t begin = 0;
    for (const uint32_t last : separators_.records) {
      const uint32_t* ends = separators_.ends.data() + first;
      const size_t num_fields = last + 1 - first;
      const uint32_t end = End(begin, ends[num_fields - 1]);
      const bool is_broken = broken != separators_.broken.end() && *broken == begin;
      broken += is_broken;
      if (num_fields == num_columns_ && !is_broken && !IsComment(begin, end)) [[likely]] {
        to[0] = begin;
        for (size_t c = 1; c < num_columns_; ++c) to[c] = ends[c - 1] + 1;
        to[num_columns_] = end + 1;
        to += num_columns_ + 1;
        ++out_.num_records;
      } else if (!IsComment(begin, end) && begin < end) {
        NoteBad(begin, end,
                is_broken ? "text behind a closing quote"
                          : CountText(num_fields) + " where " + std::to_string(num_columns_) + " are wanted");
        to = std::fill_n(to, num_columns_ + 1, begin + 1);
        ++out_.num_records;
      }
      begin = ends[num_fields - 1] + 1;
      first = last + 1;
    }
    out_.end = std::min<size_t>(begin, text_.size());
    out_.lines = CountByte(text_.substr(0, out_.end), dialect_.cr_lines ? '\r' : '\n');
  }

  // Marks records that hold anything but UTF-8.
  void CheckUtf8() {
    if (arrow::util::ValidateUTF8(text_.substr(0, out_.end))) return;
    std::vector<CellPage::Bad> bad = std::exchange(out_.bad, {});
    auto next = bad.begin();
    for (uint32_t i = 0; i < out_.num_records; ++i) {
      if (next != bad.end() && next->record == i) {
        out_.bad.push_back(std::move(*next++));
        continue;
      }
      const uint32_t* starts = starts_ + size_t{i} * (num_columns_ + 1);
      const std::string_view record = text_.substr(starts[0], starts[num_columns_] - 1 - starts[0]);
      if (arrow::util::ValidateUTF8(record)) continue;
      const bool utf8 = dialect_.encoding == Encoding::kUtf8;
      const std::string what = utf8 ? "not UTF-8" : "not in the file's encoding";
      out_.bad.push_back({.record = i,
                          .begin = starts[0],
                          .end = starts[num_columns_] - 1,
                          .reason = what + ", byte " + std::to_string(ValidBytes(record) + 1) + " of the row",
                          .next = utf8 ? kEncodingNext : kOtherNext});
    }
  }

 private:
  // Of the record's bytes, without the line's end. A CR that the file ends with is one whose LF is missing.
  uint32_t End(uint32_t begin, uint32_t end) const {
    if (end == begin || text_[end - 1] != '\r') return end;
    return end == text_.size() || text_[end] == '\n' ? end - 1 : end;
  }
  bool IsComment(uint32_t begin, uint32_t end) const {
    return dialect_.comment != 0 && begin < end && text_[begin] == dialect_.comment;
  }
  void NoteBad(uint32_t begin, uint32_t end, std::string reason) {
    out_.bad.push_back({.record = out_.num_records, .begin = begin, .end = end, .reason = std::move(reason)});
  }

  const std::string_view text_;
  const Separators& separators_;
  const Dialect& dialect_;
  const size_t num_columns_;
  uint32_t* const starts_;
  RecordIndex& out_;
};

}  // namespace

void IndexRecords(std::string_view text, const Separators& separators, const Dialect& dialect, size_t num_columns,
                  uint32_t* starts, RecordIndex& out) {
  Indexer indexer(text, separators, dialect, num_columns, starts, out);
  indexer.Run();
  indexer.CheckUtf8();
}

}  // namespace firn::format::csv
