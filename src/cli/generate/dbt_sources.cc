#include <algorithm>
#include <map>

#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "pipeline/run_plan.h"

namespace firn::cli {
namespace {

constexpr char kHead[] =
    R"yaml(# Made by `firn generate dbt-sources`. The database is the lake, as the profile of dbt attaches it. For dbt-duckdb:
#   attach:
#     - {path: lake, alias: DATABASE, type: iceberg, options: {endpoint: "http://127.0.0.1:8181", authorization_type: none}}
# with `firn catalog serve` at that address. `dbt source freshness` then says how old each table is.
version: 2
sources:
)yaml";

const schema::Schema* SchemaOf(const GenerateRequest& request, const GeneratedUnit& unit,
                               const config::TableConfig& table) {
  const auto found = request.schemas.find(pipeline::IdentifierOf(*unit.pipeline, table).ToString());
  return found == request.schemas.end() ? nullptr : &found->second;
}

// A key column is unique where rows are merged; of a key of several columns that cannot be said of one.
void AddColumns(const config::TableConfig& table, const schema::Schema& schema, std::string* text) {
  const bool merges = table.write_disposition == config::WriteDisposition::kMerge;
  const bool unique =
      merges && table.merge.strategy == config::MergeStrategy::kUpsert && schema.identifier_field_ids.size() == 1;
  *text += "        columns:\n";
  for (const auto& field : schema.fields) {
    *text +=
        "          - name: " + Quoted(field.name) + "\n            data_type: " + Quoted(ToString(*field.type)) + "\n";
    if (!field.doc.empty()) *text += "            description: " + Quoted(field.doc) + "\n";
    const bool is_key = std::ranges::find(schema.identifier_field_ids, field.id) != schema.identifier_field_ids.end();
    if (is_key) *text += std::string("            data_tests: [") + (unique ? "unique, " : "") + "not_null]\n";
  }
}

// The time that freshness looks at, if it is a time in the table; else when rows were loaded.
std::string LoadedAtField(const config::TableConfig& table, const schema::Schema* schema) {
  const auto& freshness = *table.watch.freshness;
  if (freshness.of == config::FreshnessConfig::Of::kLoads || schema == nullptr) return "_firn_loaded_at";
  std::string path = freshness.column;
  if (path.empty() && table.incremental) path = table.incremental->cursor;
  const schema::Field* field = schema->Find(path);
  const bool is_time = field != nullptr && (field->type->id == schema::TypeId::kTimestamp ||
                                            field->type->id == schema::TypeId::kTimestampTz);
  return is_time ? path : "_firn_loaded_at";
}

std::string Count(int64_t ms) {
  const int64_t seconds = ms / 1000;
  if (seconds % 3600 == 0) return "{count: " + std::to_string(seconds / 3600) + ", period: hour}";
  return "{count: " + std::to_string(std::max<int64_t>(1, seconds / 60)) + ", period: minute}";
}

std::string Freshness(const config::TableConfig& table, const schema::Schema* schema) {
  const auto& freshness = *table.watch.freshness;
  std::string out = "        config:\n          loaded_at_field: " + Quoted(LoadedAtField(table, schema)) +
                    "\n          freshness:\n";
  if (freshness.warn_after_ms) out += "            warn_after: " + Count(*freshness.warn_after_ms) + "\n";
  if (freshness.error_after_ms) out += "            error_after: " + Count(*freshness.error_after_ms) + "\n";
  return out;
}

}  // namespace

Result<std::vector<GeneratedFile>> GenerateDbtSources(const GenerateRequest& request) {
  std::string text = kHead;
  text.replace(text.find("DATABASE"), 8, request.database);
  std::map<std::string, std::string> datasets;  // pipelines may share one
  for (const GeneratedUnit& unit : request.units) {
    std::string& out = datasets[unit.pipeline->dataset];
    for (const auto* table : unit.tables) {
      out += "      - name: " + Quoted(pipeline::IdentifierOf(*unit.pipeline, *table).name) + "\n";
      out += "        description: " + Quoted("Loaded by firn, pipeline " + unit.pipeline->name) + "\n";
      const schema::Schema* schema = SchemaOf(request, unit, *table);
      if (table->watch.freshness) out += Freshness(*table, schema);
      if (schema != nullptr) AddColumns(*table, *schema, &out);
    }
  }
  for (const auto& [dataset, tables] : datasets) {
    text += "  - name: " + Quoted(dataset) + "\n    database: " + Quoted(request.database) +
            "\n    schema: " + Quoted(dataset) + "\n    tables:\n" + tables;
  }
  return std::vector<GeneratedFile>{{.name = "sources.yml", .text = std::move(text)}};
}

}  // namespace firn::cli
