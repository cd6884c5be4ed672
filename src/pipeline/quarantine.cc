#include "pipeline/quarantine.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>

#include <utility>

#include "query/result_format.h"
#include "schema/type.h"

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
    : context_(context),
      rows_(std::make_unique<Rows>()),
      side_(context, {.identifier = {.ns = std::move(ns), .name = kTableName},
                      .stream = stream + "#quarantine",
                      .file_name = "quarantine",
                      .schema = QuarantineSchema()}) {}

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
  side_.Abandon();
}

void Quarantine::ReplaceRows(table::RowChoice choice) {
  side_.Remove(std::move(choice));
}

Status Quarantine::Flush() {
  if (rows_->table.length() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto batch, rows_->Take());
  return side_.Append(*batch);
}

Result<std::optional<table::StagedTable>> Quarantine::Stage(std::stop_token stop) {
  ARROW_RETURN_NOT_OK(Flush());
  const std::string state =
      "{\"version\":1,\"run\":\"" + context_.run_id + "\",\"rows\":" + std::to_string(num_rows_) + "}";
  ARROW_ASSIGN_OR_RAISE(auto staged, side_.Stage(state, num_rows_ - num_staged_, std::move(stop)));
  if (staged) num_staged_ = num_rows_;
  return staged;
}

}  // namespace firn::pipeline
