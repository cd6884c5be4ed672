#include "pipeline/reader_options.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "format/json/column_plan.h"
#include "pipeline/column_binding.h"
#include "pipeline/configured_schema.h"
#include "pipeline/file_columns.h"
#include "pipeline/merge_rules.h"
#include "pipeline/types_anew.h"
#include "table/metadata/default_value.h"
#include "table/metadata/literal_array.h"

namespace firn::pipeline {
namespace {

namespace json = format::json;

json::ContractMode ModeOf(config::Contract contract) {
  switch (contract) {
    case config::Contract::kEvolve:
      return json::ContractMode::kEvolve;
    case config::Contract::kFreeze:
      return json::ContractMode::kFreeze;
    case config::Contract::kDiscardRow:
      return json::ContractMode::kDiscardRow;
    case config::Contract::kDiscardValue:
      return json::ContractMode::kDiscardValue;
  }
  return json::ContractMode::kEvolve;
}

std::optional<json::MaskMethod> MethodOf(config::WriteMask mask) {
  switch (mask) {
    case config::WriteMask::kNone:
      return std::nullopt;
    case config::WriteMask::kRedact:
      return json::MaskMethod::kRedact;
    case config::WriteMask::kNull:
      return json::MaskMethod::kNull;
    case config::WriteMask::kSha256:
      return json::MaskMethod::kSha256;
    case config::WriteMask::kHmac:
      return json::MaskMethod::kHmac;
    case config::WriteMask::kIp:
      return json::MaskMethod::kIp;
  }
  return std::nullopt;
}

Result<json::ColumnHint> HintOf(const config::ColumnConfig& column) {
  json::ColumnHint hint{.path = column.path};
  hint.format = column.format;
  hint.timezone = column.timezone;
  hint.as_json = column.type == "json";
  hint.as_map = column.type == "map";
  if (!column.type.empty() && !hint.as_json && !hint.as_map) {
    ARROW_ASSIGN_OR_RAISE(hint.type, schema::ParsePrimitive(column.type));
  }
  return hint;
}

void AddMasks(const config::Project& project, const config::TableConfig& table, const std::string& from,
              const std::string& to, std::vector<json::MaskRule>* masks) {
  for (const auto& column : table.columns) {
    const auto method = MethodOf(column.mask_on_write);
    if (!method) continue;
    // A mask on `from` itself or on an ancestor covers the included value; below it only the rest of the path does.
    const bool above = from == column.path || from.starts_with(column.path + ".");
    const bool below = column.path.starts_with(from + ".");
    if (above) masks->push_back({.path = to, .method = *method, .key = project.mask_key});
    if (below)
      masks->push_back({.path = to + column.path.substr(from.size()), .method = *method, .key = project.mask_key});
  }
}

// Included values keep the masks of where they come from: a policy is bound to the source path.
void AddIncludedMasks(const config::Project& project, const config::PipelineConfig& pipeline,
                      const config::TableConfig& table, std::vector<json::MaskRule>* masks) {
  const config::TableConfig* parent = table.parent.empty() ? nullptr : pipeline.FindTable(table.parent);
  constexpr std::string_view kPrefix = "parent.";
  for (const auto& [column, source] : table.include) {
    const bool of_parent = source.starts_with(kPrefix);
    const config::TableConfig* from = of_parent ? parent : &table;
    if (from != nullptr) AddMasks(project, *from, of_parent ? source.substr(kPrefix.size()) : source, column, masks);
  }
}

Result<std::vector<json::ColumnDefault>> DefaultsOf(const schema::Schema& schema) {
  std::vector<json::ColumnDefault> defaults;
  for (const schema::Field& field : schema.fields) {
    ARROW_ASSIGN_OR_RAISE(const auto value, table::ParseDefault(field.type, field.write_default));
    if (value.is_null()) continue;
    defaults.push_back({.key = json::ParseNote(field.doc).key.value_or(field.name), .value = table::ArrowBytes(value)});
  }
  return defaults;
}

// Of a table that does not exist yet: declared columns are there from the first row on.
Result<std::vector<json::ColumnDefault>> DeclaredDefaults(const config::TableConfig& config) {
  std::vector<json::ColumnDefault> defaults;
  for (const auto& column : config.columns) {
    if (!column.default_text) continue;
    ARROW_ASSIGN_OR_RAISE(const auto type, schema::ParsePrimitive(column.type));
    ARROW_ASSIGN_OR_RAISE(const std::string json, table::DefaultFromText(type, *column.default_text));
    ARROW_ASSIGN_OR_RAISE(const auto value, table::ParseDefault(type, json));
    if (!value.is_null()) defaults.push_back({.key = column.path, .value = table::ArrowBytes(value)});
  }
  return defaults;
}

}  // namespace

Result<json::TableReaderOptions> ReaderOptionsOf(const config::Project& project, const config::PipelineConfig& pipeline,
                                                 const config::TableConfig& table, const table::TableMetadata* base,
                                                 int num_threads, arrow::MemoryPool* pool, RowTypes types) {
  json::TableReaderOptions options;
  const bool known = base != nullptr && types == RowTypes::kOfTable;
  if (known) {
    std::vector<schema::Field> added = OwnColumns(table);
    std::ranges::move(FileColumnsOf(table), std::back_inserter(added));
    options.known = WithoutRunColumns(base->schema(), added);
    // A row without its key is the merge's to reject, whatever on_error says.
    for (const std::string& key : table.primary_key) {
      for (schema::Field& field : options.known->fields) {
        if (ColumnOfKey(base->schema(), key) != nullptr && ColumnOfKey(base->schema(), key)->id == field.id) {
          field.required = false;
        }
      }
    }
  }
  for (const auto& column : table.columns) {
    ARROW_ASSIGN_OR_RAISE(json::ColumnHint hint, HintOf(column));
    if (hint.type != nullptr || hint.as_json || hint.as_map || !hint.format.empty() || !hint.timezone.empty()) {
      options.hints.push_back(std::move(hint));
    }
    if (const auto method = MethodOf(column.mask_on_write)) {
      options.masks.push_back({.path = column.path, .method = *method, .key = project.mask_key});
    }
  }
  AddIncludedMasks(project, pipeline, table, &options.masks);
  // A value that is masked to nothing makes no column.
  for (const std::string& path : IgnoredPaths(table, base)) {
    options.masks.push_back({.path = path, .method = json::MaskMethod::kNull, .key = ""});
  }
  if (base != nullptr && !known) {
    auto hints = LayoutHints(*base, options);
    std::ranges::move(hints, std::back_inserter(options.hints));
  }
  if (known) {
    ARROW_ASSIGN_OR_RAISE(options.defaults, DefaultsOf(base->schema()));
  } else {
    ARROW_ASSIGN_OR_RAISE(options.defaults, DeclaredDefaults(table));
  }
  options.contract = {.columns = ModeOf(table.schema_contract.columns), .types = ModeOf(table.schema_contract.types)};
  if (table.write_disposition == config::WriteDisposition::kMerge) options.key_columns = table.primary_key;
  options.on_bad =
      table.on_error == config::OnError::kQuarantine ? json::OnBadRecord::kCollect : json::OnBadRecord::kFail;
  if (project.limits.max_leaves) options.max_leaves = static_cast<int32_t>(*project.limits.max_leaves);
  options.num_threads = num_threads;
  options.pool = pool;
  return options;
}

Status AddExpectedTypes(source::Source& source, const config::TableConfig& table, json::TableReaderOptions* options) {
  if (options->known) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto columns, source.DeclaredColumns(table.name));
  for (const source::DeclaredColumn& column : columns) {
    const bool declared =
        std::ranges::find(options->hints, column.path, &json::ColumnHint::path) != options->hints.end();
    if (!declared) options->hints.push_back({.path = column.path, .type = column.type, .is_expected = true});
  }
  return Status::OK();
}

}  // namespace firn::pipeline
