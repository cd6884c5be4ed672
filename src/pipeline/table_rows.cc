#include "pipeline/table_rows.h"

#include <utility>

namespace firn::pipeline {

TableRows::TableRows(source::Source& source, std::string table, std::unique_ptr<source::ParentRows> parents)
    : source_(source), request_{.table = std::move(table), .parents = std::move(parents)} {}

Result<std::optional<source::JsonRows>> TableRows::Next(std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(auto batch, NextBatch(std::move(stop)));
  if (!batch) return std::nullopt;
  if (auto* rows = std::get_if<source::JsonRows>(&batch->rows)) return std::move(*rows);
  return MakeError(Fault::kConfig, "rows of Parquet files come typed, and here only text is taken",
                   {.code = "E0841", .next = "load them into a table: firn run, firn copy FILE dataset.table"});
}

Result<std::optional<source::Batch>> TableRows::NextBatch(std::stop_token stop) {
  if (!planned_) {
    ARROW_ASSIGN_OR_RAISE(splits_, source_.Plan(request_, stop));
    planned_ = true;
  }
  while (true) {
    if (reader_ == nullptr) {
      if (next_split_ == splits_.size()) return std::nullopt;
      ARROW_ASSIGN_OR_RAISE(reader_, source_.OpenSplit(request_, splits_[next_split_++]));
    }
    ARROW_ASSIGN_OR_RAISE(auto event, reader_->Next(stop));
    if (!event) {
      reader_.reset();
      continue;
    }
    auto* batch = std::get_if<source::Batch>(&*event);
    if (batch == nullptr) continue;
    num_bytes_ += batch->num_bytes;
    return std::move(*batch);
  }
}

}  // namespace firn::pipeline
