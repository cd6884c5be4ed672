// The part of TableLoad that hands typed rows to the sink or to the quarantine.
#include <arrow/array/array_primitive.h>
#include <arrow/record_batch.h>

#include <utility>

#include "pipeline/delete_verdicts.h"
#include "pipeline/file_columns.h"
#include "pipeline/merge_rules.h"
#include "pipeline/rejected_keys.h"
#include "pipeline/run_columns.h"
#include "pipeline/table_load.h"

namespace firn::pipeline {

namespace json = format::json;

namespace {

// Shares of the run's memory for keys of a merge.
constexpr int64_t kKeyShare = 4;
constexpr int64_t kIndexShare = 8;

// A key index is built from the whole table. Of these settings some never ask for single keys, and a window is found
// faster by the bounds of files.
bool AsksForKeys(const config::TableConfig& table, const table::RetireScope& scope) {
  if (table.dedupe) return !table.dedupe->window_ms;
  return table.merge.strategy != config::MergeStrategy::kDeleteInsert && scope.kind != table::RetireScope::Kind::kAll;
}

}  // namespace

Result<std::unique_ptr<TableSink>> TableLoad::MakeSink(table::TableWriterOptions options) {
  const int32_t format_version = table_.format_version.value_or(kFormatVersionOfNewTables);
  if (replaces_partitions()) return MakeOverwriteSink(context_.files, std::move(options), format_version);
  if (!ComparesRows(table_)) return MakeAppendSink(context_.files, std::move(options));
  ARROW_ASSIGN_OR_RAISE(MergeRules rules,
                        MergeRulesOf(table_, *options.schema, context_.loaded_at, context_.project, kind()));
  ARROW_ASSIGN_OR_RAISE(table::RetireScope scope, Scope(*options.schema));
  required_ = std::move(rules.required);
  const table::TableMetadata* stays = replaces_all() ? nullptr : base_.get();
  ARROW_ASSIGN_OR_RAISE(const auto mode, RowLevelModeOf(table_, base_.get(), rules, context_.project));
  const MergeIndexOptions index{.table = AsksForKeys(table_, scope) ? stays : nullptr,
                                .state_folder = context_.project.state_folder,
                                .memory_bytes = context_.budget.total_bytes() / kIndexShare};
  std::function<Status(const table::MergeCounts&)> approve;
  if (scope.kind != table::RetireScope::Kind::kNone) {
    approve = [this](const table::MergeCounts& counts) { return ApproveDeletions(counts); };
  }
  std::function<Status(const std::shared_ptr<arrow::RecordBatch>&)> on_gone;
  if (kind().tells_gone) {
    on_gone = [this](const std::shared_ptr<arrow::RecordBatch>& keys) -> Status {
      for (TableLoad* child : dependants_) ARROW_RETURN_NOT_OK(child->NameGone(keys));
      return Status::OK();
    };
  }
  return MakeMergeSink(context_.files, {.writer = std::move(options),
                                        .key = std::move(rules.key),
                                        .key_memory_bytes = context_.budget.total_bytes() / kKeyShare,
                                        .index = index,
                                        .format_version = format_version,
                                        .strategy = std::move(rules.strategy),
                                        .mode = mode,
                                        .appends = table_.dedupe.has_value(),
                                        .retire = std::move(scope),
                                        .approve = std::move(approve),
                                        .on_gone = std::move(on_gone)});
}

// What cannot be typed lies in the oldest rows.
Result<std::optional<json::DecodedRows>> TableLoad::PopDecoded() {
  auto decoded = reader_->Pop();
  const bool of_file = !decoded.ok() && !in_flight_.empty() && in_flight_.front().origin != nullptr;
  return of_file ? Within("file " + in_flight_.front().origin->file, decoded.status()) : std::move(decoded);
}

// Rows of files say where they come from.
Status TableLoad::AddOrigin(const source::RowOrigin& origin, json::DecodedRows* rows) {
  for (json::QuarantinedRow& row : rows->quarantined) row.reason += " (" + PlaceOf(origin, row.page_record) + ")";
  return file_columns_.AddTo(origin, context_.pool, rows);
}

Status TableLoad::TypesAreDecided() {
  guessed_.clear();
  ARROW_RETURN_NOT_OK(QuarantineRows(std::exchange(guessed_quarantined_, {})));
  for (const auto& rejected : std::exchange(guessed_rejected_, {})) ARROW_RETURN_NOT_OK(AddRejected(rejected));
  return Status::OK();
}

// Quarantine is of all tables of the group and cannot be taken back, so rows that may come again wait.
Status TableLoad::QuarantineRows(const std::vector<json::QuarantinedRow>& rows) {
  if (in_prefix()) {
    guessed_quarantined_.insert(guessed_quarantined_.end(), rows.begin(), rows.end());
    return Status::OK();
  }
  return rows.empty() ? Status::OK() : quarantine_.Add(table_.name, rows);
}

Status TableLoad::AddRejected(const RejectedRows& rejected) {
  return quarantine_.Add(table_.name, *rejected,
                         [&](int64_t row) { return WhyKeyIsRefused(*rejected, row, required_); });
}

Status TableLoad::Reject(const RejectedRows& rejected) {
  if (rejected == nullptr) return Status::OK();
  result_.rows.quarantined += rejected->num_rows();
  if (!in_prefix()) return AddRejected(rejected);
  guessed_rejected_.push_back(rejected);
  return Status::OK();
}

Status TableLoad::Append(const InFlight& info, const std::shared_ptr<arrow::RecordBatch>& bound,
                         const std::vector<uint32_t>& rows) {
  ARROW_RETURN_NOT_OK(OpenSink());
  std::shared_ptr<arrow::BooleanArray> deletes;
  if (!info.deleted.empty()) {
    ARROW_ASSIGN_OR_RAISE(deletes, DeleteFlags(rows, info.deleted, context_.pool));
  }
  newest_.Take(*bound, *binding_->table_schema());
  ARROW_ASSIGN_OR_RAISE(const RejectedRows rejected, sink_->Append(bound, deletes.get()));
  return Reject(rejected);
}

}  // namespace firn::pipeline
