#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "pipeline/column_naming.h"
#include "pipeline/run_plan.h"
#include "pipeline/system_columns.h"
#include "query/diff.h"
#include "query/result_format.h"
#include "query/tables.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

// A branch goes on being written and main too: their heads are read with the columns the table has now.
table::SchemaPtr SchemaOf(const table::TableMetadata& metadata, const table::Snapshot& snapshot) {
  const bool head = std::ranges::any_of(metadata.refs, [&](const auto& entry) {
    return entry.second.type == table::SnapshotRef::Type::kBranch && entry.second.snapshot_id == snapshot.snapshot_id;
  });
  const auto then = head || !snapshot.schema_id ? nullptr : metadata.FindSchema(*snapshot.schema_id);
  return then == nullptr ? metadata.schema_ptr() : then;
}

// The key of a merge is what the project says; other writers say it in the schema.
Result<std::vector<std::string>> KeyOf(App& app, const Arguments& arguments, const catalog::TableIdentifier& identifier,
                                       const schema::Schema& schema) {
  if (!arguments.All("--key").empty()) return arguments.All("--key");
  std::vector<std::string> key;
  for (const int32_t id : schema.identifier_field_ids) {
    for (const auto& field : schema.fields) {
      if (field.id == id) key.push_back(field.name);
    }
  }
  if (!key.empty() && key.size() == schema.identifier_field_ids.size()) return key;
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  for (const auto& pipeline : project->pipelines) {
    for (const auto& table : pipeline.tables) {
      const bool merges = table.write_disposition == config::WriteDisposition::kMerge;
      if (!merges || pipeline::IdentifierOf(pipeline, table) != identifier) continue;
      std::vector<std::string> columns;
      for (const std::string& path : table.primary_key) {
        if (const auto* column = pipeline::ColumnOfKey(schema, path)) columns.push_back(column->name);
      }
      if (columns.size() == table.primary_key.size()) return columns;
    }
  }
  return std::vector<std::string>();
}

struct Sides {
  catalog::LoadedTable table;
  catalog::TableIdentifier identifier;
  query::DiffRequest request;
};

Result<Sides> FindSides(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  Sides sides;
  ARROW_ASSIGN_OR_RAISE(sides.identifier, query::ResolveTable(*catalog, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(sides.table, query::LoadNamedTable(*catalog, arguments.Text("TABLE")));
  query::DiffRequest& request = sides.request;
  request.metadata = sides.table.metadata;
  ARROW_ASSIGN_OR_RAISE(request.from, query::FindSnapshotByText(*request.metadata, arguments.Text("A")));
  ARROW_ASSIGN_OR_RAISE(request.to, query::FindSnapshotByText(*request.metadata, arguments.Text("B", "main")));
  request.schema = SchemaOf(*request.metadata, *request.to);
  ARROW_ASSIGN_OR_RAISE(request.key, KeyOf(app, arguments, sides.identifier, *request.schema));
  if (!arguments.Flag("--all-columns")) {
    for (const auto columns :
         {config::SystemColumns::kFirn, config::SystemColumns::kDlt, config::SystemColumns::kAirbyte}) {
      for (const auto& field : pipeline::SystemFields(columns)) request.ignored.push_back(field.name);
    }
  }
  return sides;
}

Result<int> PrintCounts(App& app, const Arguments& arguments, const Sides& sides, const query::DiffCounts& counts) {
  const Json json = {{"table", sides.identifier.ToString()},
                     {"from_snapshot_id", sides.request.from->snapshot_id.value},
                     {"to_snapshot_id", sides.request.to->snapshot_id.value},
                     {"added", counts.added},
                     {"removed", counts.removed},
                     {"changed", counts.keyed ? Json(counts.changed) : Json(nullptr)},
                     {"by_key", counts.keyed ? Json(sides.request.key) : Json(nullptr)},
                     {"files_read", counts.files_read},
                     {"files_shared", counts.files_shared}};
  if (arguments.Flag("--json") || arguments.Text("--format") == "json" || arguments.Text("--format") == "ndjson") {
    ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
    return 0;
  }
  std::string text = std::to_string(counts.added) + " added, " + std::to_string(counts.removed) + " removed";
  if (counts.keyed) text += ", " + std::to_string(counts.changed) + " changed";
  text += "   (" + std::to_string(counts.files_read) + " files read, " + std::to_string(counts.files_shared) +
          " the same in both)\n";
  ARROW_RETURN_NOT_OK(app.Print(text));
  if (!counts.keyed && !sides.request.key.empty()) app.Say("key values repeat, so whole rows are compared\n");
  return 0;
}

Result<int> RunDiff(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const Sides sides, FindSides(app, arguments));
  ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
  const query::SessionOptions options{.memory_bytes = memory_bytes, .threads = app.threads(), .temp_folder = ""};
  ARROW_ASSIGN_OR_RAISE(auto diff, query::Diff::Open(app.files(), sides.request, options, app.stop()));
  if (!arguments.Flag("--rows")) {
    ARROW_ASSIGN_OR_RAISE(const auto counts, diff->Count(app.stop()));
    return PrintCounts(app, arguments, sides, counts);
  }
  const std::string name = arguments.Flag("--json") ? "json" : arguments.Text("--format", "table");
  ARROW_ASSIGN_OR_RAISE(const query::OutputFormat format, query::ParseOutputFormat(name));
  const auto limit = arguments.Integer("--limit");
  if (limit && *limit < 0) return MakeError(Fault::kConfig, "--limit takes a number of rows");
  ARROW_ASSIGN_OR_RAISE(auto rows, diff->Rows(limit, app.stop()));
  ARROW_RETURN_NOT_OK(
      query::WriteResult(
          *rows, {.format = format}, [&](std::string_view bytes) { return app.Print(bytes); }, app.stop())
          .status());
  return 0;
}

}  // namespace

Command DiffCommand() {
  return {
      .name = "diff",
      .reads_source = false,
      .reads_tables = true,
      .group = "Look",
      .summary = "compare the rows of two snapshots of a table",
      .options = {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "dataset.table", .required = true},
                  {.name = "A",
                   .kind = Option::Kind::kPositional,
                   .help = "snapshot id, branch, tag or time",
                   .required = true},
                  {.name = "B", .kind = Option::Kind::kPositional, .help = "the same; default: main"},
                  {.name = "--rows", .kind = Option::Kind::kFlag, .help = "print the rows, not their number"},
                  {.name = "--limit", .kind = Option::Kind::kInteger, .help = "with --rows: so many at most"},
                  {.name = "--key",
                   .kind = Option::Kind::kList,
                   .help = "columns that identify a row (else the identifier fields, or the project's primary key)"},
                  {.name = "--all-columns",
                   .kind = Option::Kind::kFlag,
                   .help = "compare _firn_loaded_at and _firn_run_id too"},
                  {.name = "--format",
                   .help = "output format",
                   .choices = {"table", "json", "ndjson", "csv", "parquet", "md", "canonical"}},
                  {.name = "--json", .kind = Option::Kind::kFlag, .help = "same as --format json"}},
      .run = RunDiff};
}

}  // namespace firn::cli
