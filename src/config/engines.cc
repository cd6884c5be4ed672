#include "config/engines.h"

#include <algorithm>

namespace firn::config {
namespace {

void Append(std::string_view name, std::string* names) {
  if (!names->empty()) *names += ", ";
  *names += name;
}

/// True if loads of the table write delete files or deletion vectors.
bool LeavesDeletes(const TableConfig& table) {
  return table.write_disposition == WriteDisposition::kMerge && table.merge.mode != MergeMode::kCopyOnWrite;
}

/// A table, one note a line: engines by format version and delete method.
std::vector<DiagnosticNote> WhoReadsWhat(const std::vector<std::string>& engines) {
  const auto line = [](std::string name, std::string_view copies, std::string_view positions,
                       std::string_view vectors) {
    const auto padded = [](std::string text, size_t width) {
      text.resize(std::max(width, text.size()), ' ');
      return text + "  ";
    };
    return DiagnosticNote{.message = padded(std::move(name), 10) + padded(std::string(copies), 18) +
                                     padded(std::string(positions), 19) + std::string(vectors)};
  };
  const auto yes = [](bool reads) { return reads ? "yes" : "no"; };
  std::vector<DiagnosticNote> notes = {
      line("engine", "2, copy_on_write", "2, position deletes", "3, deletion vectors")};
  for (const std::string& name : engines) {
    const auto engine = std::ranges::find(EngineSupports(), name, &EngineSupport::name);
    if (engine == EngineSupports().end()) continue;
    notes.push_back(line(name, "yes", yes(engine->position_deletes), yes(engine->format_version_3)));
  }
  return notes;
}

}  // namespace

const std::vector<EngineSupport>& EngineSupports() {
  static const std::vector<EngineSupport> kEngines = {
      {"athena", true, false},     {"bigquery", true, true},   {"clickhouse", true, false}, {"daft", true, false},
      {"databricks", false, true}, {"datafusion", true, true}, {"duckdb", true, true},      {"flink", true, true},
      {"hive", true, false},       {"impala", true, false},    {"polars", true, true},      {"pyiceberg", true, true},
      {"redshift", true, true},    {"snowflake", true, true},  {"spark", true, true},       {"starrocks", true, false},
      {"trino", true, true}};
  return kEngines;
}

std::vector<EnumValue> EngineValues() {
  std::vector<EnumValue> values;
  for (const EngineSupport& engine : EngineSupports()) values.push_back({std::string(engine.name), ""});
  return values;
}

ReadableVersions VersionsFor(const std::vector<std::string>& engines, bool merges) {
  ReadableVersions versions;
  for (const std::string& name : engines) {
    const auto engine = std::ranges::find(EngineSupports(), name, &EngineSupport::name);
    if (engine == EngineSupports().end()) continue;  // the checker has said so
    if (merges && !engine->position_deletes) Append(name, &versions.without_2);
    if (!engine->format_version_3) Append(name, &versions.without_3);
  }
  versions.version_2 = versions.without_2.empty();
  versions.version_3 = versions.without_3.empty();
  return versions;
}

void LowerEngines(const ObjectView& view, const std::string& path, const LoweringContext& context, TableConfig* table) {
  if (!view.Has("engines")) return;
  const std::vector<std::string> engines = view.TextList("engines");
  const ReadableVersions versions = VersionsFor(engines, LeavesDeletes(*table));
  const std::string no_2 = versions.without_2 + " cannot read position deletes (format version 2)";
  const std::string no_3 = versions.without_3 + " cannot read format version 3";
  if (!versions.version_2 && !versions.version_3) {
    Diagnostic& error = context.Error("E0424", path + ".engines",
                                      "no merged table can be read by all of these engines: " + no_2 + ", " + no_3);
    error.help = "write `merge_mode: copy_on_write`, name fewer engines, or load with `write_disposition: append`";
    error.notes = WhoReadsWhat(engines);
    return;
  }
  if (table->format_version == 3 ? !versions.version_3 : table->format_version == 2 && !versions.version_2) {
    const bool is_3 = table->format_version == 3;
    Diagnostic& error = context.Error("E0424", path + ".format_version", is_3 ? no_3 : no_2);
    error.help = is_3 ? "write `format_version: 2`" : "write `format_version: 3` or `merge_mode: copy_on_write`";
    error.notes = WhoReadsWhat(engines);
    return;
  }
  if (table->format_version || (versions.version_2 && versions.version_3)) return;
  table->format_version = versions.version_2 ? 2 : 3;
  table->choices.push_back({.field = "format_version",
                            .value = std::to_string(*table->format_version),
                            .why = versions.version_2 ? no_3 : no_2});
}

}  // namespace firn::config
