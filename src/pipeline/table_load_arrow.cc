// The part of TableLoad that takes rows which come typed: Arrow batches instead of pages.
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "pipeline/arrow_fitting.h"
#include "pipeline/column_binding.h"
#include "pipeline/file_columns.h"
#include "pipeline/merge_rules.h"
#include "pipeline/reader_options.h"
#include "pipeline/run_columns.h"
#include "pipeline/table_load.h"

namespace firn::pipeline {

// While the types of pages are only guessed, their rows may come again; those of Arrow batches do not.
bool TableLoad::in_prefix() const {
  return fitting_ == nullptr && reader_->in_prefix();
}

Status TableLoad::OpenFitting() {
  if (fitting_ != nullptr) return Status::OK();
  if (next_tag_ > 0) {
    return MakeError(Fault::kConfig, "some files of the table hold text, others Parquet",
                     {.code = "E0497",
                      .where = context_.project.WhereIs(table_.config_path + ".path"),
                      .why = "the types of text are decided over all rows, those of Parquet are given",
                      .state = "nothing of this file was loaded",
                      .next = "make two tables of them"});
  }
  for (const auto& column : table_.columns) {
    if (column.mask_on_write == config::WriteMask::kNone && !column.default_text) continue;
    return MakeError(Fault::kConfig, "columns of Parquet files are not masked in this build, nor have they defaults",
                     {.code = "E0211",
                      .where = context_.project.WhereIs(table_.config_path + ".columns." + column.path),
                      .state = "nothing was loaded",
                      .next = "`drop: true` leaves the column out"});
  }
  const table::TableMetadata* base = configured_.table.get();
  ARROW_ASSIGN_OR_RAISE(const auto reading,
                        ReaderOptionsOf(context_.project, pipeline_, table_, base, 1, context_.pool, row_types()));
  ArrowFitting::Options options{.known = reading.known,
                                .contract = reading.contract,
                                .format_version = table_.format_version.value_or(kFormatVersionOfNewTables),
                                .pool = context_.pool};
  if (base != nullptr) options.format_version = std::max(options.format_version, base->format_version);
  for (const auto& hint : reading.hints) {
    if (hint.as_json || hint.as_map || hint.type == nullptr || hint.path.find('.') != std::string::npos) continue;
    options.declared.push_back({.name = hint.path, .type = hint.type});
  }
  for (const auto& column : table_.columns) {
    if (column.drop) options.ignored.push_back(column.path);
  }
  fitting_ = std::make_unique<ArrowFitting>(std::move(options));
  return TypesAreDecided();
}

Status TableLoad::OnArrow(const source::Split& split, std::shared_ptr<arrow::RecordBatch> rows, source::Batch batch,
                          const ReadOptions& options) {
  ARROW_RETURN_NOT_OK(OpenFitting());
  const auto limit = context_.options.max_rows ? context_.options.max_rows : context_.project.limits.max_rows;
  const int64_t left = limit ? std::max<int64_t>(0, *limit - result_.rows.read) : rows->num_rows();
  if (rows->num_rows() > left) {
    const bool appends = table_.write_disposition == config::WriteDisposition::kAppend && !replaces_all();
    rows = rows->Slice(0, appends ? 0 : left);
    limited_ = true;
    batch.position.reset();
  }
  result_.rows.read += rows->num_rows();
  progress_.bytes += batch.num_bytes;
  InFlight info{.split = split.id, .position = std::move(batch.position), .num_bytes = batch.num_bytes};
  info.origin = std::move(batch.origin);
  auto fitted = fitting_->Fit(*rows);
  if (!fitted.ok()) {
    return info.origin == nullptr ? fitted.status() : Within("file " + info.origin->file, fitted.status());
  }
  in_flight_.push_back(std::move(info));
  ARROW_RETURN_NOT_OK(Consume(std::move(*fitted)));
  return MaybeCheckpoint(options);
}

}  // namespace firn::pipeline
