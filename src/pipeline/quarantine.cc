#include "pipeline/quarantine.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>

#include <utility>

#include "base/log.h"
#include "pipeline/column_binding.h"
#include "pipeline/quarantine_staging.h"
#include "pipeline/table_sink.h"
#include "query/result_format.h"
#include "schema/type.h"
#include "table/commit/schema_update.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kRowsPerBatch = 4096;

schema::Schema QuarantineSchema() {
  return {.fields = {{.name = "table", .type = schema::String()},
                     {.name = "reason", .type = schema::String()},
                     {.name = "path", .type = schema::String()},
                     {.name = "record", .type = schema::String()},
                     {.name = "parsable", .type = schema::Boolean()},
                     {.name = "ordinal", .type = schema::Long()}}};
}

}  // namespace

struct Quarantine::Rows {
  arrow::StringBuilder table, reason, path, record;
  arrow::BooleanBuilder parsable;
  arrow::Int64Builder ordinal;

  Result<std::shared_ptr<arrow::RecordBatch>> Take() {
    const int64_t count = table.length();
    std::vector<std::shared_ptr<arrow::Array>> columns;
    std::vector<std::shared_ptr<arrow::Field>> fields;
    const auto add = [&](const char* name, arrow::ArrayBuilder& builder) -> Status {
      ARROW_ASSIGN_OR_RAISE(auto column, builder.Finish());
      fields.push_back(arrow::field(name, column->type()));
      columns.push_back(std::move(column));
      return Status::OK();
    };
    ARROW_RETURN_NOT_OK(add("table", table));
    ARROW_RETURN_NOT_OK(add("reason", reason));
    ARROW_RETURN_NOT_OK(add("path", path));
    ARROW_RETURN_NOT_OK(add("record", record));
    ARROW_RETURN_NOT_OK(add("parsable", parsable));
    ARROW_RETURN_NOT_OK(add("ordinal", ordinal));
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count, std::move(columns));
  }
};

Quarantine::Quarantine(const RunContext& context, std::vector<std::string> ns, const std::string& stream)
    : context_(context), ns_(std::move(ns)), stream_(stream + "#quarantine"), rows_(std::make_unique<Rows>()) {}

Quarantine::~Quarantine() = default;

Status Quarantine::Add(const std::string& table, std::span<const format::json::QuarantinedRow> rows) {
  for (const auto& row : rows) {
    ARROW_RETURN_NOT_OK(
        AddRow({table, row.reason, row.path, row.text, row.parsable, static_cast<int64_t>(row.ordinal)}));
  }
  return Status::OK();
}

Status Quarantine::Add(const std::string& table, const arrow::RecordBatch& rows, const RowReason& reason) {
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    std::string text = "{";
    for (int column = 0; column < rows.num_columns(); ++column) {
      if (column > 0) text += ",";
      text += "\"" + rows.column_name(column) + "\":";
      ARROW_RETURN_NOT_OK(query::AppendJsonValue(*rows.column(column), i, text));
    }
    text += "}";
    ARROW_RETURN_NOT_OK(AddRow({table, reason(i), std::string(), text, true, -1}));
  }
  return Status::OK();
}

Status Quarantine::AddRow(const Row& row) {
  ARROW_RETURN_NOT_OK(rows_->table.Append(row.table));
  ARROW_RETURN_NOT_OK(rows_->reason.Append(row.reason));
  ARROW_RETURN_NOT_OK(row.path.empty() ? rows_->path.AppendNull() : rows_->path.Append(row.path));
  ARROW_RETURN_NOT_OK(rows_->record.Append(row.record));
  ARROW_RETURN_NOT_OK(rows_->parsable.Append(row.parsable));
  ARROW_RETURN_NOT_OK(row.ordinal < 0 ? rows_->ordinal.AppendNull() : rows_->ordinal.Append(row.ordinal));
  ++num_rows_;
  return rows_->table.length() >= kRowsPerBatch ? Flush() : Status::OK();
}

void Quarantine::Abandon() {
  if (!location_.empty() && context_.quarantine_staging != nullptr) context_.quarantine_staging->Keep(location_);
}

Status Quarantine::OpenSink() {
  if (sink_ != nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(opened_, context_.committer.OpenStream({.ns = ns_, .name = kTableName}, stream_));
  ColumnBinding binding(opened_->table ? opened_->table->metadata.get() : nullptr);
  ARROW_RETURN_NOT_OK(binding.Bind(QuarantineSchema()));
  location_ = opened_->table ? opened_->table->metadata->location
                             : context_.catalog.DefaultLocation({.ns = ns_, .name = kTableName});
  if (context_.quarantine_staging != nullptr) ARROW_RETURN_NOT_OK(context_.quarantine_staging->Begin(location_));
  table::TableWriterOptions options;
  options.schema = binding.table_schema();
  options.location = location_;
  options.stream = "quarantine-" + context_.run_id;
  options.epoch = opened_->epoch;
  options.memory_bytes = 8 << 20;
  options.pool = context_.pool;
  options.clock = &context_.clock;
  ARROW_ASSIGN_OR_RAISE(sink_, MakeAppendSink(context_.files, std::move(options)));
  return Status::OK();
}

Status Quarantine::Flush() {
  if (rows_->table.length() == 0) return Status::OK();
  ARROW_RETURN_NOT_OK(OpenSink());
  ARROW_ASSIGN_OR_RAISE(const auto batch, rows_->Take());
  ColumnBinding binding(opened_->table ? opened_->table->metadata.get() : nullptr);
  ARROW_RETURN_NOT_OK(binding.Bind(QuarantineSchema()));
  ARROW_ASSIGN_OR_RAISE(auto bound, binding.Apply(*batch, context_.loaded_at, context_.run_id, context_.pool));
  return sink_->Append(bound, nullptr).status();
}

Result<std::optional<table::StagedTable>> Quarantine::Stage(std::stop_token stop) {
  ARROW_RETURN_NOT_OK(Flush());
  if (sink_ == nullptr) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(auto files, sink_->Finish(nullptr, stop));
  table::StagedTable staged;
  staged.identifier = {.ns = ns_, .name = kTableName};
  ColumnBinding binding(opened_->table ? opened_->table->metadata.get() : nullptr);
  ARROW_RETURN_NOT_OK(binding.Bind(QuarantineSchema()));
  if (opened_->table) {
    staged.base = opened_->table->metadata;
    if (binding.changed()) staged.new_schema = binding.table_schema();
  } else {
    staged.create = table::CreateTable{.schema = *binding.table_schema()};
  }
  staged.added = std::move(files.added);
  staged.stream_id = stream_;
  staged.epoch = opened_->epoch;
  staged.from = opened_->version;
  staged.state = "{\"version\":1,\"run\":\"" + context_.run_id + "\",\"rows\":" + std::to_string(num_rows_) + "}";
  staged.run = context_.run_id;
  staged.rows = num_rows_ - num_staged_;
  num_staged_ = num_rows_;
  sink_.reset();
  opened_.reset();
  return staged;
}

}  // namespace firn::pipeline
