#include <nlohmann/json.hpp>

#include "base/byte_size.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/text_table.h"
#include "query/tables.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json Maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string Text(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "";
}

const Option kJson = {.name = "--json", .kind = Option::Kind::kFlag, .help = "one JSON array on stdout"};
const Option kTable = {.name = "TABLE", .kind = Option::Kind::kPositional, .help = "dataset.table", .required = true};

Result<int> ShowTables(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto tables, query::ListTables(*catalog));
  TextTable text({"TABLE", "ROWS", "SIZE", "FILES", "COLUMNS", "SNAPSHOTS", "CHANGED"});
  Json list = Json::array();
  for (const auto& table : tables) {
    const std::string changed = table.last_snapshot ? FormatTimestamp(*table.last_snapshot) : "";
    text.Add({table.identifier.ToString(), table.error.ok() ? Text(table.num_rows) : "unreadable",
              table.data_bytes ? FormatByteSize(*table.data_bytes) : "", Text(table.data_files),
              std::to_string(table.num_columns), std::to_string(table.num_snapshots), changed});
    list.push_back({{"table", table.identifier.ToString()},
                    {"rows", Maybe(table.num_rows)},
                    {"bytes", Maybe(table.data_bytes)},
                    {"files", Maybe(table.data_files)},
                    {"columns", table.num_columns},
                    {"snapshots", table.num_snapshots},
                    {"changed", changed.empty() ? Json(nullptr) : Json(changed)},
                    {"metadata", table.metadata_location},
                    {"kind", "table"}});
  }
  ARROW_ASSIGN_OR_RAISE(const auto views, query::ListViews(*catalog));
  for (const auto& view : views) {
    text.Add({view.ToString(), "view", "", "", "", "", ""});
    list.push_back({{"table", view.ToString()}, {"kind", "view"}});
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  return 0;
}

Result<int> ShowHistory(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto loaded, query::LoadNamedTable(*catalog, arguments.Text("TABLE")));
  TextTable text({"SNAPSHOT", "TIME", "OPERATION", "ADDED", "DELETED", "TOTAL", "RUN", "REFS"});
  Json list = Json::array();
  for (const auto& snapshot : query::History(*loaded.metadata)) {
    std::string refs;
    for (const auto& ref : snapshot.refs) refs += (refs.empty() ? "" : ", ") + ref;
    text.Add({std::to_string(snapshot.snapshot_id.value), FormatTimestamp(snapshot.time), snapshot.operation,
              Text(snapshot.added_rows), Text(snapshot.deleted_rows), Text(snapshot.total_rows), snapshot.run_id,
              refs});
    list.push_back({{"snapshot_id", snapshot.snapshot_id.value},
                    {"time", FormatTimestamp(snapshot.time)},
                    {"operation", snapshot.operation},
                    {"added_rows", Maybe(snapshot.added_rows)},
                    {"deleted_rows", Maybe(snapshot.deleted_rows)},
                    {"total_rows", Maybe(snapshot.total_rows)},
                    {"schema_id", snapshot.schema_id},
                    {"current", snapshot.is_current},
                    {"refs", snapshot.refs},
                    {"run_id", snapshot.run_id}});
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  return 0;
}

Result<int> ShowMetadata(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto loaded, query::LoadNamedTable(*catalog, arguments.Text("TABLE")));
  const std::string location = arguments.Flag("--uri")
                                   ? loaded.metadata_location
                                   : io::PathOfLocation(loaded.metadata_location).ValueOr(loaded.metadata_location);
  ARROW_RETURN_NOT_OK(app.Print(location + "\n"));
  return 0;
}

}  // namespace

Command TablesCommand() {
  return {.name = "tables",
          .reads_source = false,
          .reads_tables = true,
          .group = "Look",
          .summary = "list the lake's tables and views",
          .options = {kJson},
          .run = ShowTables};
}

Command HistoryCommand() {
  return {.name = "history",
          .reads_source = false,
          .reads_tables = true,
          .group = "Look",
          .summary = "list the snapshots of a table, newest first",
          .options = {kTable, kJson},
          .run = ShowHistory};
}

Command TableMetadataCommand() {
  return {
      .name = "table metadata",
      .reads_source = false,
      .reads_tables = true,
      .group = "Look",
      .summary = "print the path of a table's current metadata file",
      .options = {kTable,
                  {.name = "--uri", .kind = Option::Kind::kFlag, .help = "as it stands in the catalog (file:///…)"}},
      .run = ShowMetadata};
}

}  // namespace firn::cli
