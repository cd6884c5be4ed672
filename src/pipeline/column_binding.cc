#include "pipeline/column_binding.h"

#include <arrow/array/array_base.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <set>
#include <utility>

#include "pipeline/column_naming.h"
#include "pipeline/run_columns.h"
#include "pipeline/system_columns.h"
#include "schema/arrow_mapping.h"
#include "table/commit/schema_update.h"

namespace firn::pipeline {
namespace {

bool IsRunColumn(const std::string& name) {
  return name == kLoadedAtColumn || name == kRunIdColumn;
}

std::vector<schema::Field> FieldsOf(RunColumns columns) {
  switch (columns) {
    case RunColumns::kNone:
      return {};
    case RunColumns::kAdded:
      return SystemFields(config::SystemColumns::kFirn);
    case RunColumns::kDlt:
      return SystemFields(config::SystemColumns::kDlt);
    case RunColumns::kAirbyte:
      return SystemFields(config::SystemColumns::kAirbyte);
  }
  return {};
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

// Engines know columns by their paths with dots: of two that are equal they refuse the table.
Status CheckPaths(const std::vector<schema::Field>& fields, const std::string& prefix, std::set<std::string>* seen) {
  for (const schema::Field& field : fields) {
    const std::string path = prefix + field.name;
    if (!seen->insert(path).second) {
      return MakeError(Fault::kContract, "two columns would have the path `" + path + "`",
                       {.code = "E0824",
                        .state = "nothing was committed",
                        .next = "declare the outer one `type: json` under `columns:`"});
    }
    ARROW_RETURN_NOT_OK(CheckPaths(field.type->children, path + ".", seen));
  }
  return Status::OK();
}

// The columns of the keys in `wanted`; none if one of them is missing or is nothing that Iceberg takes for an
// identifier.
std::vector<schema::Field*> KeyFields(schema::Schema& wanted, const std::vector<std::string>& keys) {
  std::vector<schema::Field*> fields;
  for (const std::string& key : keys) {
    const schema::Field* found = ColumnOfKey(wanted, key);
    if (found == nullptr || !found->type->is_primitive()) return {};
    if (found->type->id == schema::TypeId::kFloat || found->type->id == schema::TypeId::kDouble) return {};
    fields.push_back(&wanted.fields[static_cast<size_t>(found - wanted.fields.data())]);
  }
  return fields;
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

// Two schemas of one shape: what each path is called in the other.
void NoteNames(const std::vector<schema::Field>& from, const std::vector<schema::Field>& to, const std::string& before,
               const std::string& after, std::map<std::string, std::string>* names) {
  for (size_t i = 0; i < from.size() && i < to.size(); ++i) {
    const std::string path = before + from[i].name, named = after + to[i].name;
    if (path != named) (*names)[path] = named;
    if (from[i].type->is_nested()) {
      NoteNames(from[i].type->children, to[i].type->children, path + ".", named + ".", names);
    }
  }
}

}  // namespace

RunColumns RunColumnsOf(config::SystemColumns columns) {
  switch (columns) {
    case config::SystemColumns::kFirn:
      return RunColumns::kAdded;
    case config::SystemColumns::kDlt:
      return RunColumns::kDlt;
    case config::SystemColumns::kAirbyte:
      return RunColumns::kAirbyte;
  }
  return RunColumns::kAdded;
}

schema::Schema WithoutRunColumns(const schema::Schema& schema, const std::vector<schema::Field>& added) {
  schema::Schema out = schema;
  std::erase_if(out.fields, [&](const schema::Field& field) {
    return IsRunColumn(field.name) || std::ranges::find(added, field.name, &schema::Field::name) != added.end();
  });
  return out;
}

ColumnBinding::ColumnBinding(const table::TableMetadata* base, RunColumns run_columns, config::Naming naming,
                             std::vector<schema::Field> added, ChosenNames chosen, std::vector<std::string> keys)
    : is_new_(base == nullptr),
      system_(FieldsOf(run_columns)),
      naming_(naming),
      added_(std::move(added)),
      chosen_(std::move(chosen)),
      keys_(std::move(keys)) {
  if (base == nullptr) return;
  table_schema_ = base->schema_ptr();
  shape_.schemas = {table_schema_};
  shape_.current_schema_id = table_schema_->schema_id;
  shape_.last_column_id = base->last_column_id;
  shape_.format_version = base->format_version;
}

const std::string& ColumnBinding::NameOf(const std::string& decoded_path) const {
  const auto found = names_.find(decoded_path);
  return found == names_.end() ? decoded_path : found->second;
}

Status ColumnBinding::Bind(const schema::Schema& decoded) {
  schema::Schema wanted = WithNaming(decoded, naming_, table_schema_.get(), chosen_);
  if (naming_ != config::Naming::kSource || !chosen_.empty()) NoteNames(decoded.fields, wanted.fields, "", "", &names_);
  // A table of another program keeps its own: such a column may be required, or of another type.
  for (const schema::Field& field : system_) {
    const schema::Field* known = table_schema_ == nullptr ? nullptr : table_schema_->Find(field.name);
    wanted.fields.push_back(known == nullptr ? field : *known);
  }
  wanted.fields.insert(wanted.fields.end(), added_.begin(), added_.end());
  std::set<std::string> paths;
  ARROW_RETURN_NOT_OK(CheckPaths(wanted.fields, "", &paths));
  const std::vector<schema::Field*> keys = KeyFields(wanted, keys_);
  for (schema::Field* key : keys) {
    const schema::Field* known = table_schema_ == nullptr ? nullptr : table_schema_->Find(key->name);
    key->required = table_schema_ == nullptr || (known != nullptr && known->required);
  }
  if (table_schema_ == nullptr) {
    schema::Schema fresh = table::AssignFreshIds(wanted);
    for (const schema::Field* key : keys) fresh.identifier_field_ids.push_back(fresh.Find(key->name)->id);
    table_schema_ = std::make_shared<const schema::Schema>(std::move(fresh));
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

void ColumnBinding::Drop(const std::vector<std::string>& names) {
  FIRN_CHECK(table_schema_ != nullptr);
  schema::Schema left = *table_schema_;
  std::erase_if(left.fields, [&](const schema::Field& field) {
    if (std::ranges::find(names, field.name) == names.end()) return false;
    changes_.push_back("- column " + field.name + " " + TypeText(*field.type));
    return true;
  });
  table_schema_ = std::make_shared<const schema::Schema>(std::move(left));
  shape_.schemas = {table_schema_};
  changed_ = true;
}

std::vector<std::string> ColumnBinding::TakeChanges() {
  return std::exchange(changes_, {});
}

Result<std::shared_ptr<arrow::RecordBatch>> ColumnBinding::Apply(const arrow::RecordBatch& batch, Timestamp loaded_at,
                                                                 const std::string& run_id,
                                                                 arrow::MemoryPool* pool) const {
  const auto num_columns = static_cast<size_t>(batch.num_columns());
  FIRN_CHECK(batch_schema_ != nullptr &&
             num_columns + system_.size() + added_.size() == static_cast<size_t>(batch_schema_->num_fields()));
  auto columns = batch.columns();
  const SystemStamp stamp{.loaded_at = loaded_at, .run_id = run_id};
  for (size_t i = 0; i < system_.size(); ++i) {
    const auto& field = *batch_schema_->field(static_cast<int>(num_columns + i));
    ARROW_ASSIGN_OR_RAISE(auto column, SystemValues(field, stamp, batch.num_rows(), pool));
    columns.push_back(std::move(column));
  }
  while (columns.size() < static_cast<size_t>(batch_schema_->num_fields())) {
    const auto& type = batch_schema_->field(static_cast<int>(columns.size()))->type();
    ARROW_ASSIGN_OR_RAISE(auto column, arrow::MakeArrayOfNull(type, batch.num_rows(), pool));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(batch_schema_, batch.num_rows(), std::move(columns));
}

}  // namespace firn::pipeline
