#include "pipeline/side_table.h"

#include <arrow/record_batch.h>

#include <utility>

#include "catalog/catalog.h"
#include "pipeline/column_binding.h"
#include "pipeline/quarantine_staging.h"
#include "pipeline/run_columns.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kWriterBytes = 8 << 20;

Result<ColumnBinding> BindingOf(const std::optional<catalog::LoadedTable>& table, const schema::Schema& schema) {
  ColumnBinding binding(table ? table->metadata.get() : nullptr);
  ARROW_RETURN_NOT_OK(binding.Bind(schema));
  return binding;
}

}  // namespace

SideTable::SideTable(const RunContext& context, Identity identity)
    : context_(context), identity_(std::move(identity)) {}

SideTable::~SideTable() = default;

Status SideTable::Open() {
  if (sink_ != nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(opened_, context_.committer.OpenStream(identity_.identifier, identity_.stream));
  ARROW_ASSIGN_OR_RAISE(const ColumnBinding binding, BindingOf(opened_->table, identity_.schema));
  location_ =
      opened_->table ? opened_->table->metadata->location : context_.catalog.DefaultLocation(identity_.identifier);
  if (context_.quarantine_staging != nullptr) ARROW_RETURN_NOT_OK(context_.quarantine_staging->Begin(location_));
  table::TableWriterOptions options;
  options.schema = binding.table_schema();
  options.location = location_;
  options.stream = identity_.file_name + "-" + context_.run_id;
  options.epoch = opened_->epoch;
  options.memory_bytes = kWriterBytes;
  options.pool = context_.pool;
  options.clock = &context_.clock;
  if (removes_ && !opened_->table) removes_.reset();
  ARROW_ASSIGN_OR_RAISE(sink_, removes_ ? MakeRemovalSink(context_.files, std::move(options),
                                                          opened_->table->metadata->format_version, *removes_)
                                        : MakeAppendSink(context_.files, std::move(options)));
  return Status::OK();
}

Status SideTable::Append(const arrow::RecordBatch& rows) {
  ARROW_RETURN_NOT_OK(Open());
  ARROW_ASSIGN_OR_RAISE(const ColumnBinding binding, BindingOf(opened_->table, identity_.schema));
  ARROW_ASSIGN_OR_RAISE(auto bound, binding.Apply(rows, context_.loaded_at, context_.run_id, context_.pool));
  return sink_->Append(bound, nullptr).status();
}

void SideTable::Abandon() {
  if (!location_.empty() && context_.quarantine_staging != nullptr) context_.quarantine_staging->Keep(location_);
}

Result<std::optional<table::StagedTable>> SideTable::Stage(const std::string& state, int64_t rows,
                                                           std::stop_token stop) {
  if (removes_) ARROW_RETURN_NOT_OK(Open());
  if (sink_ == nullptr) return std::nullopt;
  const bool takes_out = removes_.has_value();
  ARROW_ASSIGN_OR_RAISE(auto files, sink_->Finish(takes_out ? &*opened_->table : nullptr, stop));
  if (files.added.empty() && files.removed.empty()) {
    sink_.reset();
    return std::nullopt;
  }
  table::StagedTable staged;
  staged.identifier = identity_.identifier;
  ARROW_ASSIGN_OR_RAISE(const ColumnBinding binding, BindingOf(opened_->table, identity_.schema));
  if (opened_->table) {
    staged.base = opened_->table->metadata;
    if (binding.changed()) staged.new_schema = binding.table_schema();
  } else {
    staged.create = table::CreateTable{.schema = *binding.table_schema()};
  }
  staged.added = std::move(files.added);
  staged.stream_id = identity_.stream;
  staged.epoch = opened_->epoch;
  staged.from = opened_->version;
  staged.state = state;
  staged.run = context_.run_id;
  staged.rows = rows;
  std::unique_ptr<TableSink> sink = std::move(sink_);
  if (takes_out) {
    staged.mode = table::WriteMode::kRowDelta;
    staged.removed = std::move(files.removed);
    staged.replan = [kept = std::shared_ptr<TableSink>(std::move(sink))](
                        const catalog::LoadedTable& parent, std::stop_token token) -> Result<table::RowDelta> {
      ARROW_ASSIGN_OR_RAISE(auto again, kept->Finish(&parent, token));
      return table::RowDelta{.added = std::move(again.added), .removed = std::move(again.removed)};
    };
  }
  removes_.reset();
  opened_.reset();
  return staged;
}

}  // namespace firn::pipeline
