#include "source/airbyte/csv_rows.h"

#include <algorithm>

#include "source/airbyte/text_encoding.h"

namespace firn::source::airbyte {
namespace {

/// Splits a text into rows of fields (RFC 4180, quotes doubled, line ends inside quotes).
class Reader {
 public:
  Reader(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}

  bool Next(std::vector<std::string>* row) {
    row->clear();
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
    if (at_ >= text_.size()) return false;
    while (true) {
      row->push_back(Field());
      if (at_ >= text_.size()) return true;
      const char c = text_[at_++];
      if (c == delimiter_) continue;
      if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
      return true;
    }
  }

 private:
  std::string Field() {
    std::string out;
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      while (at_ < text_.size()) {
        if (text_[at_] != '"') {
          out += text_[at_++];
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
          out += '"';
          at_ += 2;
        } else {
          ++at_;
          break;
        }
      }
    }
    while (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n' && text_[at_] != '\r')
      out += text_[at_++];
    return out;
  }

  const std::string_view text_;
  const char delimiter_;
  size_t at_ = 0;
};

}  // namespace

Result<std::vector<Value>> ParseCsvRows(std::string_view text, const CsvOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const std::string decoded, TextOf(text, options.encoding));
  const std::string delimiter = options.delimiter == "\\t" ? "\t" : options.delimiter;
  if (delimiter.size() != 1) return MakeError(Fault::kConfig, "a CSV delimiter is one character");
  Reader reader(decoded, delimiter[0]);
  std::vector<std::string> header;
  std::vector<Value> rows;
  if (!reader.Next(&header)) return rows;
  std::vector<std::string> fields;
  while (reader.Next(&fields)) {
    Entries entries;
    for (size_t i = 0; i < header.size(); ++i) {
      const bool null = i >= fields.size() ||
                        (options.has_nulls &&
                         std::find(options.nulls.begin(), options.nulls.end(), fields[i]) != options.nulls.end());
      Put(entries, header[i], null ? Value::Null() : Value::String(fields[i]));
    }
    rows.push_back(Value::OfMap(std::move(entries)));
  }
  return rows;
}

}  // namespace firn::source::airbyte
