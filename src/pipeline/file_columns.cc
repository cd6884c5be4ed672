#include "pipeline/file_columns.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <utility>

#include "config/files_config.h"
#include "schema/arrow_mapping.h"

namespace firn::pipeline {

std::vector<schema::Field> FileColumnsOf(const config::TableConfig& table) {
  const config::FilesConfig& files = table.files;
  std::vector<schema::Field> fields;
  if (files.patterns.empty()) return fields;
  if (files.file_column) fields.push_back({.name = config::kFileColumn, .type = schema::String()});
  if (files.line_column) fields.push_back({.name = config::kLineColumn, .type = schema::Long()});
  if (files.modified_column) fields.push_back({.name = config::kModifiedColumn, .type = schema::TimestampTz()});
  return fields;
}

FileColumns::FileColumns(const config::TableConfig& table) : files_(table.files), fields_(FileColumnsOf(table)) {}

Status FileColumns::Extend(const std::shared_ptr<const schema::Schema>& schema) {
  if (schema == plain_) return Status::OK();
  schema::Schema extended = *schema;
  for (const schema::Field& field : fields_) {
    if (schema->Find(field.name) != nullptr) {
      return MakeError(Fault::kConfig, "the rows have a column `" + field.name + "` of their own",
                       {.code = "E0497",
                        .state = "nothing of this file was loaded",
                        .next = "leave it out of `file_columns` of the table"});
    }
    extended.fields.push_back(field);
  }
  plain_ = schema;
  extended_ = std::make_shared<const schema::Schema>(std::move(extended));
  return Status::OK();
}

Status FileColumns::AddTo(const source::RowOrigin& origin, arrow::MemoryPool* pool, format::json::DecodedRows* rows) {
  if (fields_.empty() || rows->schema == nullptr || rows->batch == nullptr) return Status::OK();
  ARROW_RETURN_NOT_OK(Extend(rows->schema));
  const arrow::RecordBatch& batch = *rows->batch;
  auto columns = batch.columns();
  auto fields = batch.schema()->fields();
  if (files_.file_column) {
    ARROW_ASSIGN_OR_RAISE(auto column,
                          arrow::MakeArrayFromScalar(arrow::StringScalar(origin.file), batch.num_rows(), pool));
    columns.push_back(std::move(column));
  }
  if (files_.line_column) {
    arrow::Int64Builder lines(pool);
    ARROW_RETURN_NOT_OK(lines.Reserve(batch.num_rows()));
    for (const uint32_t row : rows->rows) lines.UnsafeAppend(origin.LineOf(row));
    ARROW_ASSIGN_OR_RAISE(auto column, lines.Finish());
    columns.push_back(std::move(column));
  }
  if (files_.modified_column) {
    const arrow::TimestampScalar time(origin.modified_micros, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
    ARROW_ASSIGN_OR_RAISE(auto column, arrow::MakeArrayFromScalar(time, batch.num_rows(), pool));
    columns.push_back(std::move(column));
  }
  for (const schema::Field& field : fields_) fields.push_back(schema::ToArrowField(field));
  rows->batch = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch.num_rows(), std::move(columns));
  rows->schema = extended_;
  return Status::OK();
}

std::string PlaceOf(const source::RowOrigin& origin, uint32_t record) {
  return origin.file + ", line " + std::to_string(origin.LineOf(record));
}

}  // namespace firn::pipeline
