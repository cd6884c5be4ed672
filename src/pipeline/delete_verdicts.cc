#include "pipeline/delete_verdicts.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>

#include <algorithm>
#include <utility>

#include "format/json/page.h"

namespace firn::pipeline {
Result<std::shared_ptr<arrow::BooleanArray>> DeleteFlags(const std::vector<uint32_t>& rows,
                                                         const std::vector<uint32_t>& deleted,
                                                         arrow::MemoryPool* pool) {
  arrow::BooleanBuilder builder(pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(rows.size())));
  for (const uint32_t row : rows) builder.UnsafeAppend(std::binary_search(deleted.begin(), deleted.end(), row));
  std::shared_ptr<arrow::BooleanArray> flags;
  ARROW_RETURN_NOT_OK(builder.Finish(&flags));
  return flags;
}

Status CheckDecided(const source::JsonRows& rows, const std::string& where) {
  const bool any = !rows.undecided.empty() && !rows.rows.empty() && rows.undecided.front().row <= rows.rows.back();
  if (!any) return Status::OK();
  const source::UndecidedRow& first = rows.undecided.front();
  return WithContext(Within("record " + std::to_string(first.row + 1) + " of its page", first.why),
                     {.where = where, .state = "nothing of it was written"});
}

std::vector<format::json::QuarantinedRow> TakeOutUndecided(const format::json::MaskTree* masks,
                                                           source::JsonRows* rows) {
  std::vector<format::json::QuarantinedRow> out;
  for (const source::UndecidedRow& each : rows->undecided) {
    const auto row = std::ranges::lower_bound(rows->rows, each.row);
    if (row == rows->rows.end() || *row != each.row) continue;  // --max-rows has cut it off
    auto text = format::json::MaskedText(rows->page->RecordText(each.row), masks);
    if (!text.ok()) continue;
    out.push_back({.page_record = each.row,
                   .byte_offset = rows->page->record(each.row).begin,
                   .reason = each.why.message(),
                   .text = *std::move(text),
                   .parsable = true});
    rows->rows.erase(row);
  }
  return out;
}

}  // namespace firn::pipeline
