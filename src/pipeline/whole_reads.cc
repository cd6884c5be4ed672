#include "pipeline/whole_reads.h"

#include "base/byte_size.h"

namespace firn::pipeline {
namespace {

// "1,234,567"
std::string Grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string CostOf(const state::TableRecord* last) {
  if (last == nullptr || last->rows_read == 0) return "";
  const bool merged = last->rows_inserted + last->rows_updated > 0;
  const int64_t written = last->rows_appended + last->rows_inserted + last->rows_updated;
  return "the last run read " + Grouped(last->rows_read) + " rows, " + FormatByteSize(last->source_bytes) + " in " +
         Grouped(last->requests) + " requests, and " + (merged ? "merged " : "wrote ") + Grouped(written);
}

}  // namespace

WholeReads JudgeWholeReads(const config::TableConfig& table, std::optional<int64_t> rows,
                           const state::TableRecord* last) {
  const bool whole =
      !table.incremental && table.parent.empty() && table.write_disposition != config::WriteDisposition::kAppend;
  if (!whole) return {};
  const int64_t size = rows.value_or(last == nullptr ? 0 : last->rows_read);
  const std::string cost = CostOf(last);
  if (size < kWholeReadRowsMax) {
    return {.choice = config::Choice{.field = "incremental",
                                     .value = "off: every run reads all rows",
                                     .why = "the default below 1,000,000 rows: nothing late or deleted goes unseen" +
                                            (cost.empty() ? "" : "; " + cost)}};
  }
  return {.warning = "every run reads all of its " + Grouped(size) + " rows" + (cost.empty() ? "" : " (" + cost + ")") +
                     "; from 1,000,000 rows on declare `incremental: {cursor: …}`, with `reconcile: {every: 7d}` for "
                     "what is deleted or back-dated"};
}

}  // namespace firn::pipeline
