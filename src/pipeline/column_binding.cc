#include "pipeline/column_binding.h"

#include <arrow/array/array_base.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "pipeline/run_columns.h"
#include "schema/arrow_mapping.h"
#include "table/commit/schema_update.h"

namespace firn::pipeline {
namespace {

bool IsRunColumn(const std::string& name) {
  return name == kLoadedAtColumn || name == kRunIdColumn;
}

// Returns `decoded` with the ids of the equally named fields of the table's type, at every depth.
schema::Field WithIds(const schema::Field& decoded, const schema::Field& known) {
  schema::Field out = decoded;
  out.id = known.id;
  out.required = false;
  if (decoded.type->is_nested() && decoded.type->id == known.type->id) {
    schema::Type type = *decoded.type;
    for (schema::Field& child : type.children) {
      for (const schema::Field& candidate : known.type->children) {
        if (candidate.name == child.name) child = WithIds(child, candidate);
      }
    }
    if (type.id == schema::TypeId::kMap) type.children.front().required = true;
    out.type = std::make_shared<const schema::Type>(std::move(type));
  }
  return out;
}

std::string TypeText(const schema::Type& type) {
  if (type.id == schema::TypeId::kList) return "list of " + TypeText(*type.children.front().type);
  return schema::ToString(type);
}

void Differences(const std::vector<schema::Field>& before, const std::vector<schema::Field>& after,
                 const std::string& prefix, std::vector<std::string>* out) {
  for (const schema::Field& field : after) {
    const auto old =
        std::find_if(before.begin(), before.end(), [&](const auto& known) { return known.id == field.id; });
    const std::string path = prefix + field.name;
    if (old == before.end()) {
      out->push_back("+ column " + path + " " + TypeText(*field.type));
    } else if (!field.type->is_nested() && !schema::Equals(*old->type, *field.type)) {
      out->push_back("~ column " + path + " " + schema::ToString(*old->type) + " -> " + schema::ToString(*field.type));
    } else if (field.type->is_nested()) {
      Differences(old->type->children, field.type->children, path + ".", out);
    }
  }
}

}  // namespace

schema::Schema WithoutRunColumns(const schema::Schema& schema) {
  schema::Schema out = schema;
  std::erase_if(out.fields, [](const schema::Field& field) { return IsRunColumn(field.name); });
  return out;
}

ColumnBinding::ColumnBinding(const table::TableMetadata* base, RunColumns run_columns)
    : is_new_(base == nullptr), run_columns_(run_columns) {
  if (is_new_) return;
  table_schema_ = base->schema_ptr();
  shape_.schemas = {table_schema_};
  shape_.current_schema_id = table_schema_->schema_id;
  shape_.last_column_id = base->last_column_id;
}

Status ColumnBinding::Bind(const schema::Schema& decoded) {
  schema::Schema wanted = decoded;
  if (run_columns_ == RunColumns::kAdded) {
    wanted.fields.push_back({.name = kLoadedAtColumn, .type = schema::TimestampTz()});
    wanted.fields.push_back({.name = kRunIdColumn, .type = schema::String()});
  }
  if (table_schema_ == nullptr) {
    table_schema_ = std::make_shared<const schema::Schema>(table::AssignFreshIds(wanted));
    shape_.schemas = {table_schema_};
    shape_.current_schema_id = table_schema_->schema_id;
    shape_.last_column_id = table_schema_->MaxFieldId();
    changed_ = true;
  } else {
    ARROW_ASSIGN_OR_RAISE(const table::SchemaEvolution evolution, table::EvolveSchema(shape_, wanted));
    if (evolution.changed) {
      if (!is_new_ || changed_) Differences(table_schema_->fields, evolution.schema->fields, "", &changes_);
      table_schema_ = evolution.schema;
      shape_.schemas = {table_schema_};
      shape_.current_schema_id = table_schema_->schema_id;
      shape_.last_column_id = std::max(shape_.last_column_id, table_schema_->MaxFieldId());
      changed_ = true;
    }
  }
  schema::Schema with_ids;
  for (const schema::Field& field : wanted.fields) {
    const schema::Field* known = table_schema_->Find(field.name);
    FIRN_CHECK(known != nullptr);
    with_ids.fields.push_back(WithIds(field, *known));
  }
  batch_schema_ = schema::ToArrowSchema(with_ids);
  return Status::OK();
}

std::vector<std::string> ColumnBinding::TakeChanges() {
  return std::exchange(changes_, {});
}

Result<std::shared_ptr<arrow::RecordBatch>> ColumnBinding::Apply(const arrow::RecordBatch& batch, Timestamp loaded_at,
                                                                 const std::string& run_id,
                                                                 arrow::MemoryPool* pool) const {
  const int num_added = run_columns_ == RunColumns::kAdded ? 2 : 0;
  FIRN_CHECK(batch_schema_ != nullptr && batch.num_columns() + num_added == batch_schema_->num_fields());
  auto columns = batch.columns();
  if (num_added == 0) return arrow::RecordBatch::Make(batch_schema_, batch.num_rows(), std::move(columns));
  const auto time =
      std::make_shared<arrow::TimestampScalar>(loaded_at.micros, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
  const auto run = std::make_shared<arrow::StringScalar>(run_id);
  for (const std::shared_ptr<arrow::Scalar>& value :
       {std::shared_ptr<arrow::Scalar>(time), std::shared_ptr<arrow::Scalar>(run)}) {
    ARROW_ASSIGN_OR_RAISE(auto column, arrow::MakeArrayFromScalar(*value, batch.num_rows(), pool));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(batch_schema_, batch.num_rows(), std::move(columns));
}

}  // namespace firn::pipeline
