#include "pipeline/types_anew.h"

#include <algorithm>
#include <set>

#include "format/json/column_plan.h"
#include "pipeline/column_binding.h"
#include "table/commit/schema_change.h"
#include "table/commit/schema_update.h"

namespace firn::pipeline {
namespace {

using format::json::ColumnHint;
using format::json::ParseNote;

bool HasRequired(const std::vector<schema::Field>& fields, const std::vector<std::string>& keys) {
  return std::ranges::any_of(fields, [&](const schema::Field& field) {
    const std::string key = ParseNote(field.doc).key.value_or(field.name);
    const bool is_key = std::ranges::find(keys, key) != keys.end();
    const bool below = field.type->id == schema::TypeId::kStruct && HasRequired(field.type->children, {});
    return (field.required && !is_key) || below;
  });
}

bool DeclaresDefault(const config::TableConfig& config, const schema::Field& field) {
  const std::string key = ParseNote(field.doc).key.value_or(field.name);
  return std::ranges::any_of(config.columns, [&](const config::ColumnConfig& column) {
    return column.path == key && column.default_text.has_value();
  });
}

std::set<int32_t> LayoutIds(const table::TableMetadata& base) {
  std::set<int32_t> ids(base.schema().identifier_field_ids.begin(), base.schema().identifier_field_ids.end());
  for (const auto& spec : base.partition_specs) {
    for (const auto& field : spec.fields) ids.insert(field.source_id);
  }
  for (const auto& order : base.sort_orders) {
    for (const auto& field : order.fields) ids.insert(field.source_id);
  }
  return ids;
}

void AddHints(const table::TableMetadata& base, const std::vector<schema::Field>& fields, const std::string& prefix,
              const std::set<int32_t>& ids, std::vector<ColumnHint>* hints) {
  for (const schema::Field& field : fields) {
    const std::string path = prefix + field.name;
    if (ids.contains(field.id) && field.type->is_primitive()) {
      ColumnHint hint{.path = table::FindColumn(base.schema(), path).source_path};
      hint.type = field.type;
      hints->push_back(std::move(hint));
    }
    if (field.type->id == schema::TypeId::kStruct) AddHints(base, field.type->children, path + ".", ids, hints);
  }
}

// Whether the table's column can hold the rows, perhaps with a wider type or further fields.
bool Fits(const schema::Field& known, const schema::Field& wanted, int32_t format_version) {
  table::TableMetadata shape;
  shape.format_version = format_version;
  shape.schemas = {std::make_shared<const schema::Schema>(schema::Schema{.fields = {known}})};
  shape.current_schema_id = shape.schemas.front()->schema_id;
  shape.last_column_id = shape.schemas.front()->MaxFieldId();
  return table::EvolveSchema(shape, {.fields = {wanted}}).ok();
}

}  // namespace

bool TakesTypesAnew(const config::TableConfig& config, const table::TableMetadata& base) {
  const config::SchemaContractConfig& contract = config.schema_contract;
  if (contract.columns != config::Contract::kEvolve || contract.types != config::Contract::kEvolve) return false;
  if (HasRequired(base.schema().fields, config.primary_key)) return false;
  return std::ranges::all_of(base.schema().fields, [&](const schema::Field& field) {
    return field.write_default.empty() || DeclaresDefault(config, field);
  });
}

std::vector<ColumnHint> LayoutHints(const table::TableMetadata& base, const format::json::TableReaderOptions& options) {
  std::vector<ColumnHint> hints;
  AddHints(base, base.schema().fields, "", LayoutIds(base), &hints);
  std::erase_if(hints, [&](const ColumnHint& hint) {
    const auto same = [&](const auto& other) { return other.path == hint.path; };
    return std::ranges::any_of(options.hints, same) || std::ranges::any_of(options.masks, same);
  });
  return hints;
}

std::vector<std::string> OutdatedColumns(const schema::Schema& table, const schema::Schema& wanted,
                                         const std::vector<schema::Field>& added, int32_t format_version) {
  std::vector<std::string> names;
  const schema::Schema loaded = WithoutRunColumns(table, added);
  for (const schema::Field& field : loaded.fields) {
    const schema::Field* now = wanted.Find(field.name);
    const bool outdated = now == nullptr ? ParseNote(field.doc).sibling : !Fits(field, *now, format_version);
    if (outdated) names.push_back(field.name);
  }
  return names;
}

}  // namespace firn::pipeline
