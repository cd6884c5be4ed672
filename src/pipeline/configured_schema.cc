#include "pipeline/configured_schema.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "format/json/column_plan.h"
#include "pipeline/run_plan.h"
#include "table/commit/stream_token.h"
#include "table/metadata/default_value.h"
#include "table/metadata/update.h"

namespace firn::pipeline {
namespace {

using config::ColumnConfig;
using format::json::ParseNote;
using table::SchemaChange;
using Kind = SchemaChange::Kind;

std::string LastKey(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

std::string RetypeCommand(const std::string& table, const std::string& column, const std::string& type,
                          const std::string& select) {
  const bool plain = type != "json" && type != "map" && column.find('.') == std::string::npos;
  const std::string anew = "firn run --select " + select + " --full-refresh";
  if (!plain) return anew;
  return "firn table retype " + table + "." + column + " \"" + type + "\"   (or, from the source: " + anew + ")";
}

class Configurer {
 public:
  Configurer(const config::PipelineConfig& pipeline, const config::TableConfig& config,
             std::shared_ptr<const table::TableMetadata> table, RowTypes types)
      : pipeline_(pipeline), config_(config), types_(types) {
    out_.table = std::move(table);
  }

  Status Configure(const ColumnConfig& column);
  Status Identify();
  ConfiguredSchema Take() { return std::move(out_); }

 private:
  Status Apply(SchemaChange change);
  Status Rename(const ColumnConfig& column);
  Status Add(const ColumnConfig& column);
  Status Describe(const ColumnConfig& column, const std::string& path);
  Status CheckType(const ColumnConfig& column, const std::string& path, const schema::Type& type) const;
  const schema::Schema& schema() const { return out_.table->schema(); }

  const config::PipelineConfig& pipeline_;
  const config::TableConfig& config_;
  const RowTypes types_;
  ConfiguredSchema out_;
};

Status Configurer::Apply(SchemaChange change) {
  ARROW_ASSIGN_OR_RAISE(const auto evolution, table::ChangeSchema(*out_.table, {&change, 1}));
  if (evolution.updates.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto next, table::ApplyUpdates(out_.table.get(), evolution.updates, {}));
  out_.table = std::make_shared<const table::TableMetadata>(std::move(next));
  out_.changed = out_.changed || evolution.changed;
  for (const auto& [key, value] : evolution.properties) out_.properties[key] = value;
  out_.changes.push_back(table::ToString(change));
  return Status::OK();
}

Status Configurer::Configure(const ColumnConfig& column) {
  const auto path_of = [&] { return table::PathOfSource(schema(), column.path); };
  if (column.drop) {
    for (const std::string& path : table::PathsOfSource(schema(), column.path)) {
      ARROW_RETURN_NOT_OK(Apply({.kind = Kind::kDropColumn, .column = path, .forget = true}));
    }
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(Rename(column));
  if (path_of().empty()) return Add(column);
  if (!column.name.empty() && table::FindColumn(schema(), path_of()).field->name != column.name) {
    ARROW_RETURN_NOT_OK(Apply({.kind = Kind::kRenameColumn, .column = path_of(), .name = column.name}));
  }
  return Describe(column, path_of());
}

// The identifier that firn made of another primary key would forbid nulls that rows may have now.
Status Configurer::Identify() {
  const auto& identifier = schema().identifier_field_ids;
  const bool is_loaded = std::ranges::any_of(
      out_.table->properties, [](const auto& property) { return property.first.starts_with(table::kStreamKeyPrefix); });
  if (identifier.empty() || !is_loaded) return Status::OK();
  std::vector<int32_t> ids;
  SchemaChange change{.kind = Kind::kSetIdentifier};
  bool all_required = true;
  for (const std::string& key : KeysOf(config_)) {
    const schema::Field* column = ColumnOfKey(schema(), key);
    all_required = all_required && column != nullptr && column->required;
    if (column == nullptr) continue;
    ids.push_back(column->id);
    change.columns.push_back(column->name);
  }
  if (std::set(ids.begin(), ids.end()) == std::set(identifier.begin(), identifier.end())) return Status::OK();
  if (!all_required) change.columns.clear();
  return Apply(std::move(change));
}

// The source calls a key otherwise than it did: the column goes on.
Status Configurer::Rename(const ColumnConfig& column) {
  if (column.renamed_from.empty() || !table::PathOfSource(schema(), column.path).empty()) return Status::OK();
  const std::string path = table::PathOfSource(schema(), column.renamed_from);
  if (path.empty()) return Status::OK();
  const std::string key = LastKey(column.path);
  const std::string name = column.name.empty() ? StyledName(key, pipeline_.naming) : column.name;
  return Apply({.kind = Kind::kRenameColumn, .column = path, .name = name, .source_key = key});
}

// Only a column with a default is there before the first row that has it.
Status Configurer::Add(const ColumnConfig& column) {
  if (!column.default_text) return Status::OK();
  const auto dropped = table::DroppedColumns(*out_.table);
  if (std::ranges::find(dropped, column.path) != dropped.end()) return Status::OK();
  const std::string name = column.name.empty() ? StyledName(column.path, pipeline_.naming) : column.name;
  SchemaChange change{.kind = Kind::kAddColumn, .column = name};
  ARROW_ASSIGN_OR_RAISE(change.type, schema::ParsePrimitive(column.type));
  if (name != column.path) change.doc = format::json::FormatNote({.key = column.path});
  ARROW_ASSIGN_OR_RAISE(change.default_json, table::DefaultFromText(change.type, *column.default_text));
  return Apply(std::move(change));
}

Status Configurer::Describe(const ColumnConfig& column, const std::string& path) {
  const schema::Field field = *table::FindColumn(schema(), path).field;
  schema::TypePtr type = field.type;
  ARROW_RETURN_NOT_OK(CheckType(column, path, *field.type));
  if (!column.type.empty() && column.type != "json" && column.type != "map") {
    ARROW_ASSIGN_OR_RAISE(const schema::TypePtr wanted, schema::ParsePrimitive(column.type));
    if (schema::CanPromote(*field.type, *wanted, out_.table->format_version)) {
      ARROW_RETURN_NOT_OK(Apply({.kind = Kind::kSetType, .column = path, .type = wanted}));
      type = wanted;
    }
  }
  if (column.doc && ParseNote(field.doc).text != *column.doc) {
    ARROW_RETURN_NOT_OK(Apply({.kind = Kind::kSetDoc, .column = path, .doc = *column.doc}));
  }
  if (!column.default_text) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const std::string json, table::DefaultFromText(type, *column.default_text));
  if (json == field.write_default) return Status::OK();
  return Apply({.kind = Kind::kSetDefault, .column = path, .default_json = json});
}

// Rows that are there keep their type; a column may be wider than is said, for values widened it.
Status Configurer::CheckType(const ColumnConfig& column, const std::string& path, const schema::Type& type) const {
  if (column.type.empty() || column.mask_on_write != config::WriteMask::kNone || types_ == RowTypes::kAnew) {
    return Status::OK();
  }
  bool fits = false;
  if (column.type == "json" || column.type == "map") {
    fits = type.id == (column.type == "json" ? schema::TypeId::kString : schema::TypeId::kMap);
  } else {
    ARROW_ASSIGN_OR_RAISE(const schema::TypePtr wanted, schema::ParsePrimitive(column.type));
    fits = schema::Equals(type, *wanted) || schema::CanPromote(type, *wanted, out_.table->format_version) ||
           schema::CanPromote(*wanted, type, out_.table->format_version);
  }
  if (fits) return Status::OK();
  const std::string name = IdentifierOf(pipeline_, config_).ToString();
  return MakeError(
      Fault::kConfig,
      "column " + path + " of " + name + " is " + schema::ToString(type) + ", and `columns:` says " + column.type,
      {.code = "E0933",
       .where = "",
       .why = "rows that are there keep their type: Iceberg only widens int, float and decimals",
       .state = "nothing was changed",
       .next = RetypeCommand(name, path, column.type, config_.name)});
}

Status CheckContract(const config::Project& project, const config::TableConfig& config,
                     const ConfiguredSchema& configured) {
  if (!configured.changed || config.schema_contract.columns != config::Contract::kFreeze) return Status::OK();
  return MakeError(Fault::kContract,
                   "schema_contract freeze: the configuration changes the table: " + configured.changes.front(),
                   {.code = "E0609",
                    .where = project.WhereIs(config.config_path + ".columns"),
                    .why = "frozen columns are not changed by a load",
                    .state = "nothing was changed",
                    .next = "allow it with schema_contract: {columns: evolve}, or firn table alter"});
}

Result<ConfiguredSchema> Configured(const config::Project& project, const config::PipelineConfig& pipeline,
                                    const config::TableConfig& config, std::shared_ptr<const table::TableMetadata> base,
                                    RowTypes types) {
  const int32_t version = config.format_version.value_or(base->format_version);
  if (version > base->format_version) {
    const std::vector<table::TableUpdate> upgrade = {table::update::UpgradeFormatVersion{.format_version = version}};
    ARROW_ASSIGN_OR_RAISE(auto upgraded, table::ApplyUpdates(base.get(), upgrade, {}));
    base = std::make_shared<const table::TableMetadata>(std::move(upgraded));
  }
  Configurer configurer(pipeline, config, std::move(base), types);
  for (const ColumnConfig& column : config.columns) {
    const Status done = configurer.Configure(column);
    if (!done.ok())
      return WithContext(done, {.where = project.WhereIs(config.config_path + ".columns." + column.path)});
  }
  ARROW_RETURN_NOT_OK(configurer.Identify());
  return configurer.Take();
}

}  // namespace

Result<ConfiguredSchema> ConfigureSchema(const config::Project& project, const config::PipelineConfig& pipeline,
                                         const config::TableConfig& config,
                                         std::shared_ptr<const table::TableMetadata> base, RowTypes types) {
  ARROW_ASSIGN_OR_RAISE(ConfiguredSchema configured, Configured(project, pipeline, config, std::move(base), types));
  ARROW_RETURN_NOT_OK(CheckContract(project, config, configured));
  return configured;
}

Result<schema::Schema> ConfigureNewSchema(const config::Project& project, const config::PipelineConfig& pipeline,
                                          const config::TableConfig& config, const schema::Schema& schema,
                                          int32_t format_version) {
  const std::vector<table::TableUpdate> updates = {
      table::update::UpgradeFormatVersion{.format_version = format_version},
      table::update::SetLocation{.location = "file:///new"},
      table::update::AddSchema{.schema = std::make_shared<const schema::Schema>(schema)},
      table::update::SetCurrentSchema{},
      table::update::AddSpec{},
      table::update::SetDefaultSpec{}};
  ARROW_ASSIGN_OR_RAISE(auto table, table::ApplyUpdates(nullptr, updates, {}));
  ARROW_ASSIGN_OR_RAISE(const ConfiguredSchema configured,
                        Configured(project, pipeline, config,
                                   std::make_shared<const table::TableMetadata>(std::move(table)), RowTypes::kAnew));
  return configured.table->schema();
}

ChosenNames NamesOf(const config::TableConfig& config) {
  ChosenNames names;
  for (const ColumnConfig& column : config.columns) {
    if (!column.name.empty()) names[column.path] = column.name;
  }
  return names;
}

std::vector<std::string> KeysOf(const config::TableConfig& config) {
  const bool merges = config.write_disposition == config::WriteDisposition::kMerge;
  const auto strategy = config.merge.strategy;
  const bool once = strategy == config::MergeStrategy::kUpsert || strategy == config::MergeStrategy::kInsertOnly;
  return merges && once ? config.primary_key : std::vector<std::string>();
}

std::vector<std::string> IgnoredPaths(const config::TableConfig& config, const table::TableMetadata* base) {
  std::vector<std::string> paths;
  if (base != nullptr) paths = table::DroppedColumns(*base);
  for (const ColumnConfig& column : config.columns) {
    if (column.drop) paths.push_back(column.path);
  }
  return paths;
}

Status CheckRenamedKeys(const config::Project& project, const config::TableConfig& config, const schema::Schema& schema,
                        const schema::Schema* base) {
  for (const ColumnConfig& column : config.columns) {
    if (column.renamed_from.empty() || table::PathOfSource(schema, column.renamed_from).empty()) continue;
    if (base != nullptr && !table::PathOfSource(*base, column.renamed_from).empty()) continue;
    const std::string name = LastKey(column.path);
    return MakeError(
        Fault::kContract,
        "the source still sends `" + column.renamed_from + "`, which is said to be `" + column.path + "` now",
        {.code = "E0932",
         .where = project.WhereIs(config.config_path + ".columns." + column.path + ".renamed_from"),
         .why = "its values would go to a second column of the old name",
         .state = "nothing was committed",
         .next = "to call the column otherwise than the source does, write `columns: {" + column.renamed_from +
                 ": {name: " + name + "}}`"});
  }
  return Status::OK();
}

}  // namespace firn::pipeline
