#include <nlohmann/json.hpp>

#include "base/uuid.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "pipeline/column_naming.h"
#include "pipeline/run_plan.h"
#include "query/tables.h"
#include "table/commit/schema_change.h"
#include "table/maintenance/retype.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Named {
  catalog::TableIdentifier identifier;
  std::string column;
};

// "shop.orders.total": the longest beginning that is a table. Names of columns may have dots.
Result<Named> Parse(catalog::Catalog& catalog, const std::string& name) {
  Status unknown;
  for (size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0; dot = name.rfind('.', dot - 1)) {
    auto identifier = query::ResolveTable(catalog, name.substr(0, dot));
    if (identifier.ok()) return Named{.identifier = *std::move(identifier), .column = name.substr(dot + 1)};
    if (unknown.ok()) unknown = identifier.status();
  }
  if (!unknown.ok()) return unknown;
  return MakeError(Fault::kConfig, "`" + name + "` names no column",
                   {.state = "nothing was changed", .next = "firn table retype DATASET.TABLE.COLUMN TYPE"});
}

Result<schema::TypePtr> TypeOf(const std::string& text) {
  auto type = schema::ParsePrimitive(text);
  if (type.ok()) return type;
  return MakeError(Fault::kConfig, "`" + text + "` is no type that a column can be given",
                   {.code = "E0415",
                    .why = "types are those of Iceberg: boolean, int, long, float, double, decimal(12,2), date, time, "
                           "timestamp, timestamptz, string, uuid, fixed[16], binary",
                    .state = "nothing was changed"});
}

// What the project says of the table, if a pipeline of it writes there.
struct Configured {
  const config::TableConfig* table = nullptr;
  const config::ColumnConfig* column = nullptr;
  std::string source_path;
};

Configured ConfiguredOf(const config::Project& project, const Named& named, const schema::Schema& schema) {
  Configured found{.source_path = table::FindColumn(schema, named.column).source_path};
  for (const auto& pipeline : project.pipelines) {
    for (const auto& table : pipeline.tables) {
      if (pipeline::IdentifierOf(pipeline, table) != named.identifier) continue;
      found.table = &table;
      for (const auto& column : table.columns) {
        if (column.path == found.source_path) found.column = &column;
      }
    }
  }
  return found;
}

std::map<std::string, std::string> InUse(const Configured& configured, const schema::Schema& schema) {
  std::map<std::string, std::string> in_use;
  if (configured.table == nullptr) return in_use;
  for (const std::string& key : configured.table->primary_key) {
    const schema::Field* column = pipeline::ColumnOfKey(schema, key);
    if (column != nullptr) in_use[column->name] = "it is part of the primary_key of " + configured.table->name;
  }
  return in_use;
}

// Personal data is told by the project alone, so that a table it does not know shows nothing.
bool ShowsValues(const Configured& configured) {
  if (configured.table == nullptr) return false;
  return configured.column == nullptr ||
         (configured.column->pii.empty() && configured.column->mask_on_write == config::WriteMask::kNone);
}

std::string Text(const Named& named, const std::string& type, const table::RetypeReport& report, bool dry_run) {
  std::string text = named.identifier.ToString() + ": column " + named.column;
  if (!report.changed) return text + " is " + type + " already\n";
  text += (dry_run ? " can be " : " is ") + type + (dry_run ? "" : " now") + ", was " + report.from;
  for (const std::string& name : report.folded) text += (name == report.folded.front() ? " and " : ", ") + name;
  text += "; " + std::to_string(report.rows) + " rows in " + std::to_string(report.files_read) + " files";
  return text + (dry_run ? " read, nothing was changed\n" : " written anew\n");
}

Result<int> Retype(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const schema::TypePtr type, TypeOf(arguments.Text("TYPE")));
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const Named named, Parse(*catalog, arguments.Text("COLUMN")));
  ARROW_ASSIGN_OR_RAISE(const auto loaded, query::LoadNamedTable(*catalog, named.identifier.ToString()));
  const Configured configured = ConfiguredOf(*project, named, loaded.metadata->schema());
  table::RetypeOptions options{.column = named.column,
                               .type = type,
                               .shows_values = ShowsValues(configured),
                               .in_use = InUse(configured, loaded.metadata->schema()),
                               .dry_run = arguments.Flag("--dry-run"),
                               .run = MakeUuid7(app.clock()).ToString(),
                               .threads = app.threads()};
  ARROW_ASSIGN_OR_RAISE(options.memory_bytes, app.MemoryBytes());
  const auto committer = table::Committer::Make(*catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION});
  ARROW_ASSIGN_OR_RAISE(
      const auto report,
      table::RetypeColumn({.catalog = *catalog, .files = app.files(), .committer = *committer, .clock = app.clock()},
                          named.identifier, options, app.stop()));
  const std::string shown = schema::ToString(*type);
  app.Say(Text(named, shown, report, options.dry_run));
  const bool declared = configured.column != nullptr && configured.column->type == shown;
  if (report.changed && configured.table != nullptr && !declared) {
    app.Next("write `columns: {" + configured.source_path + ": {type: \"" + shown + "\"}}` for " +
             configured.table->name + ", so that loads go on with this type");
  }
  if (!arguments.Flag("--json")) return 0;
  const Json json = {{"table", named.identifier.ToString()},
                     {"column", named.column},
                     {"from", report.from},
                     {"type", shown},
                     {"folded", report.folded},
                     {"changed", report.changed && !options.dry_run},
                     {"rows", report.rows},
                     {"files_read", report.files_read},
                     {"files_written", report.files_written},
                     {"snapshot_id", report.snapshot_id ? Json(report.snapshot_id->value) : Json(nullptr)}};
  ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
  return 0;
}

}  // namespace

Command TableRetypeCommand() {
  return {.name = "table retype",
          .reads_source = false,
          .group = "Run",
          .summary = "give a column another type, with its rows and sibling columns: exactly, or not at all",
          .options =
              {{.name = "COLUMN", .kind = Option::Kind::kPositional, .help = "dataset.table.column", .required = true},
               {.name = "TYPE",
                .kind = Option::Kind::kPositional,
                .help = "string, double, \"decimal(12,2)\", date, timestamptz, …",
                .required = true},
               {.name = "--dry-run", .kind = Option::Kind::kFlag, .help = "read all rows and say whether it would do"},
               {.name = "--json", .kind = Option::Kind::kFlag, .help = "the result as JSON on stdout"}},
          .run = Retype};
}

}  // namespace firn::cli
