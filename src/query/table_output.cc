#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>

#include "query/row_writer.h"

namespace firn::query {
namespace {

constexpr int kNarrowest = 6;           // columns a cut column keeps at least
constexpr size_t kCellBytesMax = 4096;  // more of a value is never shown in a table

using Cells = std::vector<std::string>;

// Control characters could move the terminal's cursor or worse.
std::string Printable(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f || c1) {
      const auto code = c1 ? static_cast<unsigned char>(text[++i]) : c;
      out += std::string("\\x") + kHex[code >> 4] + kHex[code & 15];
    } else {
      out += text[i];
    }
  }
  return out;
}

// The first bytes of a long value, ending between characters.
std::string_view Head(std::string_view text) {
  if (text.size() <= kCellBytesMax) return text;
  size_t size = kCellBytesMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

class TableWriter : public RowWriter {
 public:
  TableWriter(const FormatOptions& options, ByteSink sink) : options_(options), out_(std::move(sink)) {}

  Status Begin(const arrow::Schema& schema, const std::vector<std::string>& names) override {
    for (const auto& name : names) header_.push_back(Printable(name));
    for (const auto& field : schema.fields()) {
      right_.push_back(arrow::is_numeric(*field->type()) || arrow::is_decimal(*field->type()));
    }
    return Status::OK();
  }

  Status Batch(const arrow::RecordBatch& batch) override {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const bool bounded = options_.rows_max > 0;
      const bool to_head = !bounded || static_cast<int64_t>(head_.size()) < (options_.rows_max + 1) / 2;
      // Of the rows between head and tail only the last ones matter: those before are not even formatted.
      ++num_rows_;
      const int64_t rest = batch.num_rows() - row;
      if (!to_head && rest > options_.rows_max / 2) continue;
      ARROW_ASSIGN_OR_RAISE(Cells cells, Format(batch, row));
      if (to_head) {
        head_.push_back(std::move(cells));
      } else {
        tail_.push_back(std::move(cells));
        if (static_cast<int64_t>(tail_.size()) > options_.rows_max / 2) tail_.pop_front();
      }
    }
    return Status::OK();
  }

  Status End() override {
    Layout();
    Rule("┌", "┬", "┐");
    Row(header_, true);
    Rule("├", "┼", "┤");
    for (const Cells& cells : head_) Row(cells, false);
    const auto shown = static_cast<int64_t>(head_.size() + tail_.size());
    if (shown < num_rows_) Row(Cells(header_.size(), "…"), true);
    for (const Cells& cells : tail_) Row(cells, false);
    Rule("└", "┴", "┘");
    if (shown < num_rows_) {
      out_.text() += std::to_string(num_rows_) + " rows, the first " + std::to_string(head_.size()) + " and the last " +
                     std::to_string(tail_.size()) + " are shown\n";
    }
    HiddenColumns();
    return out_.Flush();
  }

 private:
  static Result<Cells> Format(const arrow::RecordBatch& batch, int64_t row) {
    Cells cells;
    for (int i = 0; i < batch.num_columns(); ++i) {
      std::string text;
      if (batch.column(i)->IsNull(row)) {
        text = "NULL";
      } else {
        ARROW_RETURN_NOT_OK(AppendTextValue(*batch.column(i), row, text));
      }
      cells.push_back(Printable(Head(text)));
    }
    return cells;
  }

  // Natural widths; if they do not fit, the widest columns give way first, then columns are left out from the right.
  void Layout() {
    for (size_t i = 0; i < header_.size(); ++i) {
      int width = DisplayWidth(header_[i]);
      for (const Cells& cells : head_) width = std::max(width, DisplayWidth(cells[i]));
      for (const Cells& cells : tail_) width = std::max(width, DisplayWidth(cells[i]));
      widths_.push_back(std::max(width, 1));
    }
    num_shown_ = header_.size();
    if (options_.width <= 0) return;
    while (Total() > options_.width) {
      const auto widest = std::max_element(widths_.begin(), widths_.begin() + static_cast<long>(num_shown_));
      if (*widest > kNarrowest) {
        *widest -= std::max(1, std::min(*widest - kNarrowest, (Total() - options_.width) / 4));
      } else if (num_shown_ > 1) {
        --num_shown_;
      } else {
        break;
      }
    }
  }

  int Total() const {
    return std::accumulate(widths_.begin(), widths_.begin() + static_cast<long>(num_shown_), 1,
                           [](int sum, int width) { return sum + width + 3; });
  }

  void Rule(const char* left, const char* middle, const char* right) {
    std::string& out = out_.text();
    for (size_t i = 0; i < num_shown_; ++i) {
      out += i == 0 ? left : middle;
      for (int n = 0; n < widths_[i] + 2; ++n) out += "─";
    }
    out += std::string(right) + "\n";
  }

  void Row(const Cells& cells, bool left) {
    std::string& out = out_.text();
    for (size_t i = 0; i < num_shown_; ++i) {
      const std::string text = CutToWidth(cells[i], widths_[i]);
      const std::string space(static_cast<size_t>(widths_[i] - DisplayWidth(text)), ' ');
      out += "│ " + (right_[i] && !left ? space + text : text + space) + " ";
    }
    out += "│\n";
  }

  void HiddenColumns() {
    if (num_shown_ == header_.size()) return;
    std::string& out = out_.text();
    out += std::to_string(header_.size() - num_shown_) + " columns are not shown:";
    for (size_t i = num_shown_; i < header_.size(); ++i) out += (i == num_shown_ ? " " : ", ") + header_[i];
    out += "\n";
  }

  const FormatOptions options_;
  OutputBuffer out_;
  Cells header_;
  std::vector<bool> right_;
  std::vector<Cells> head_;
  std::deque<Cells> tail_;
  std::vector<int> widths_;
  size_t num_shown_ = 0;
  int64_t num_rows_ = 0;
};

}  // namespace

std::unique_ptr<RowWriter> MakeTableWriter(const FormatOptions& options, ByteSink sink) {
  return std::make_unique<TableWriter>(options, std::move(sink));
}

}  // namespace firn::query
