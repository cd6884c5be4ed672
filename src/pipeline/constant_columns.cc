#include "pipeline/constant_columns.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "format/json/page.h"

namespace firn::pipeline {
namespace {

// `,"a":1,"b":2`: what comes before the closing brace of each record.
std::string ConstantsOf(const source::JsonRows& rows) {
  std::string text;
  for (const auto& [name, json] : rows.constants) text += "," + nlohmann::json(name).dump() + ":" + json;
  return text;
}

// The same of what is copied from inside a record; null where it is missing.
std::string CopiesOf(const source::JsonRows& rows, uint32_t row) {
  std::string text;
  for (const auto& [name, capture] : rows.copies) {
    text += "," + nlohmann::json(name).dump() + ":" + std::string(rows.page->Captured(row, capture).value_or("null"));
  }
  return text;
}

bool IsEmptyObject(std::string_view head) {
  return head.find_first_not_of(" \t\r\n", 1) == std::string_view::npos;  // head is the record without its brace
}

}  // namespace

Result<source::JsonRows> WithConstants(source::JsonRows rows, arrow::MemoryPool* pool) {
  if ((rows.constants.empty() && rows.copies.empty()) || rows.rows.empty()) return rows;
  const std::string constants = ConstantsOf(rows);
  std::string text = "[";
  for (const uint32_t row : rows.rows) {
    const std::string_view record = rows.page->RecordText(row);
    const size_t brace = record.rfind('}');
    if (record.empty() || record.front() != '{' || brace == std::string_view::npos) {
      return MakeError(Fault::kBadData, "a record is no object, so the fields of `include` have no place in it");
    }
    const std::string_view head = record.substr(0, brace);
    if (text.size() > 1) text += ",";
    const std::string tail = constants + CopiesOf(rows, row) + "}";
    text += head;
    text += IsEmptyObject(head) ? tail.substr(1) : tail;
  }
  text += "]";
  format::json::PageOptions options;
  options.layout = format::json::PageLayout::kDocument;
  options.pool = pool;
  source::JsonRows out;
  ARROW_ASSIGN_OR_RAISE(out.page, format::json::Page::Parse(std::string_view(text), options));
  auto undecided = rows.undecided.begin();
  for (uint32_t i = 0; i < rows.rows.size(); ++i) {
    out.rows.push_back(i);
    if (std::binary_search(rows.deleted.begin(), rows.deleted.end(), rows.rows[i])) out.deleted.push_back(i);
    if (undecided != rows.undecided.end() && undecided->row == rows.rows[i]) {
      out.undecided.push_back({.row = i, .why = (undecided++)->why});
    }
  }
  return out;
}

}  // namespace firn::pipeline
