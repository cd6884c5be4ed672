// The part of TableLoad that knows how the table's columns and partitions change.
#include <utility>

#include "pipeline/merge_rules.h"
#include "pipeline/new_partition_spec.h"
#include "pipeline/table_load.h"
#include "pipeline/types_anew.h"
#include "table/commit/schema_change.h"

namespace firn::pipeline {

// The table's columns become what the configuration says; the first commit says so.
Status TableLoad::Configure() {
  configured_ = {};
  if (base_ == nullptr) return Status::OK();
  auto configured = ConfigureSchema(context_.project, pipeline_, table_, base_, row_types());
  if (!configured.ok()) return Within(identifier_.ToString(), configured.status());
  configured_ = std::move(*configured);
  return Status::OK();
}

RowTypes TableLoad::row_types() const {
  const bool anew = replaces_all() && base_ != nullptr && TakesTypesAnew(table_, *base_);
  return anew ? RowTypes::kAnew : RowTypes::kOfTable;
}

// No row of them stays, so nothing is lost but the column, which older snapshots keep.
Status TableLoad::DropOutdated(const schema::Schema& decoded) {
  if (row_types() == RowTypes::kOfTable) return Status::OK();
  const table::SchemaPtr& known = binding_->table_schema();
  const schema::Schema wanted = WithNaming(decoded, pipeline_.naming, known.get(), NamesOf(table_));
  const auto names = OutdatedColumns(*known, wanted, OwnColumns(table_), configured_.table->format_version);
  if (names.empty()) return Status::OK();
  for (const std::string& name : names) {
    if (configured_.table->schema().Find(name) == nullptr) continue;
    const table::SchemaChange drop{.kind = table::SchemaChange::Kind::kDropColumn, .column = name, .forget = true};
    const auto allowed = table::ChangeSchema(*configured_.table, {&drop, 1});
    if (!allowed.ok()) return Within(identifier_.ToString() + ": its rows have another type now", allowed.status());
  }
  binding_->Drop(names);
  return Status::OK();
}

std::unique_ptr<ColumnBinding> TableLoad::NewBinding() const {
  return std::make_unique<ColumnBinding>(configured_.table.get(), RunColumnsOf(table_.system_columns), pipeline_.naming,
                                         SettingColumns(table_), NamesOf(table_), KeysOf(table_));
}

Status TableLoad::BindRows(const format::json::DecodedRows& rows) {
  const schema::Schema* known = configured_.table == nullptr ? nullptr : &configured_.table->schema();
  ARROW_RETURN_NOT_OK(DropOutdated(*rows.schema));
  ARROW_RETURN_NOT_OK(binding_->Bind(*rows.schema));
  ARROW_RETURN_NOT_OK(CheckRenamedKeys(context_.project, table_, *binding_->table_schema(), known));
  bound_ = rows.schema;
  if (sink_ != nullptr) ARROW_RETURN_NOT_OK(sink_->SetSchema(binding_->table_schema()));
  return Status::OK();
}

// An existing table goes on in its partitions, or in those that the configuration asks for from now on.
Status TableLoad::ChooseSpec() {
  spec_.reset();
  if (base_ == nullptr) return Status::OK();
  spec_ = table::SpecEvolution{.spec = base_->default_spec()};
  if (!table_.repartitions) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto wanted, NewPartitionSpec(table_, *binding_->table_schema(), context_.project));
  ARROW_ASSIGN_OR_RAISE(spec_, table::EvolveSpec(*configured_.table, binding_->table_schema(), std::move(wanted)));
  return Status::OK();
}

void TableLoad::StageEvolution(table::StagedTable* out) const {
  if (binding_->changed()) {
    out->new_schema = binding_->table_schema();
  } else if (configured_.changed) {
    out->new_schema = configured_.table->schema_ptr();
  }
  out->set_properties = configured_.properties;
  if (sink_ != nullptr && spec_ && spec_->changed) out->new_spec = spec_->spec;
}

}  // namespace firn::pipeline
