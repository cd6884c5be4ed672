#include <arrow/type.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "catalog/registry.h"
#include "cli/adopt_table.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/table_choice.h"
#include "io/object_location.h"
#include "pipeline/adopt.h"
#include "pipeline/preview.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "pipeline/stream_document.h"
#include "schema/arrow_mapping.h"
#include "table/commit/committer.h"
#include "table/commit/stream_state.h"
#include "table/commit/stream_token.h"
#include "table/metadata/metadata_json.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kSampledRows = 1000;

// The source's first rows say which keys it has and what they hold.
Result<std::vector<pipeline::SampledKey>> Sample(App& app, const config::Project& project, const TableChoice& choice) {
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  const auto preview = pipeline::PreviewTable({.project = project,
                                               .pipeline = *choice.pipeline,
                                               .table = *choice.table,
                                               .sources = app.sources(),
                                               .http = *http,
                                               .clock = app.clock(),
                                               .open_files = app.OpenFiles(),
                                               .rows_max = kSampledRows},
                                              app.stop());
  if (!preview.ok()) {
    return WithContext(
        Within("asking the source for its keys", preview.status()),
        {.state = "nothing was changed", .next = "the same with --offline, which does not ask, or mend the source"});
  }
  std::vector<pipeline::SampledKey> keys;
  if (preview->arrow_schema == nullptr) return keys;
  for (const auto& field : preview->arrow_schema->fields()) {
    ARROW_ASSIGN_OR_RAISE(auto type, schema::FromArrowType(*field->type()));
    keys.push_back({.key = field->name(), .type = std::move(type)});
  }
  return keys;
}

// What the catalog has of the table, and what --metadata would enter.
struct Found {
  std::shared_ptr<const table::TableMetadata> metadata;
  std::string metadata_location;
  bool registers = false;  // it is not in the catalog yet
};

Result<std::string> LocationOf(const std::string& text) {
  if (io::IsObjectLocation(text) || text.starts_with("file:")) return text;
  std::error_code error;
  return io::FileUri(std::filesystem::weakly_canonical(text, error).string());
}

Result<Found> ReadNamed(App& app, const std::string& text) {
  Found found{.registers = true};
  ARROW_ASSIGN_OR_RAISE(found.metadata_location, LocationOf(text));
  ARROW_ASSIGN_OR_RAISE(const std::string json,
                        app.files().ReadText(found.metadata_location, table::kMetadataBytesMax));
  auto metadata = table::ParseMetadata(json);
  if (!metadata.ok()) return Within(found.metadata_location, metadata.status());
  found.metadata = std::make_shared<const table::TableMetadata>(std::move(*metadata));
  return found;
}

Result<Found> FindNamed(App& app, const catalog::TableIdentifier& identifier, const std::string& file, bool dry_run) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  const bool no_catalog = project->lake.catalog.type == config::CatalogType::kSqlite &&
                          !std::filesystem::exists(project->lake.catalog.path);
  if (no_catalog && dry_run && !file.empty()) return ReadNamed(app, file);
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/!file.empty() && !dry_run));
  ARROW_ASSIGN_OR_RAISE(const auto loaded, catalog->LoadTable(identifier));
  if (!loaded && file.empty()) {
    return MakeError(Fault::kConfig, "the catalog has no table " + identifier.ToString(),
                     {.code = "E0950",
                      .state = "nothing was changed",
                      .next = "firn table adopt " + identifier.ToString() +
                              " --metadata …/metadata/00001-….metadata.json   (of a table in another catalog)"});
  }
  if (!loaded) return ReadNamed(app, file);
  Found found{.metadata = loaded->metadata, .metadata_location = loaded->metadata_location};
  if (file.empty()) return found;
  ARROW_ASSIGN_OR_RAISE(const Found named, ReadNamed(app, file));
  if (named.metadata->table_uuid == found.metadata->table_uuid) return found;  // entered before, and cut off
  return MakeError(Fault::kConfig, "the catalog has another table of the name " + identifier.ToString(),
                   {.code = "E0950", .state = "nothing was changed", .next = "firn table rename, or another table"});
}

Status Register(App& app, const catalog::TableIdentifier& identifier, const Found& found) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/true));
  catalog::CatalogRegistry registry;
  ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
  ARROW_ASSIGN_OR_RAISE(const auto administration,
                        registry.OpenAdministration(project->lake, {.files = app.files(), .clock = app.clock()}));
  ARROW_RETURN_NOT_OK(catalog->CreateNamespace(identifier.ns));
  FIRN_FAILPOINT("adopt.before_register");
  return administration->RegisterTable(identifier, found.metadata_location, std::nullopt);
}

std::string Text(const catalog::TableIdentifier& identifier, const Found& found, const pipeline::AdoptPlan& plan,
                 bool dry_run) {
  const auto* snapshot = found.metadata->CurrentSnapshot();
  const auto rows = snapshot == nullptr ? found.metadata->properties.end() : snapshot->summary.find("total-records");
  std::string text = identifier.ToString() + ": format version " + std::to_string(found.metadata->format_version);
  if (snapshot != nullptr && rows != snapshot->summary.end()) text += ", " + rows->second + " rows";
  text += ", " + found.metadata->location + "\n";
  for (const auto& column : plan.columns) {
    text += "  " + (column.key.empty() ? "-" : column.key) + " -> " + (column.column.empty() ? "+" : column.column) +
            "  " + column.type + (column.note.empty() ? "" : "   " + column.note) + "\n";
  }
  for (const std::string& note : plan.notes) text += "  ! " + note + "\n";
  text += "position  " + plan.position;
  if (plan.known_rows > 0) text += "; " + std::to_string(plan.known_rows) + " rows at it are known again by key";
  return text + (dry_run ? "\nnothing was changed\n" : "\nadopted\n");
}

Json JsonOf(const catalog::TableIdentifier& identifier, const pipeline::AdoptPlan& plan, bool done) {
  Json columns = Json::array();
  for (const auto& column : plan.columns) {
    columns.push_back({{"key", column.key.empty() ? Json(nullptr) : Json(column.key)},
                       {"column", column.column.empty() ? Json(nullptr) : Json(column.column)},
                       {"type", column.type},
                       {"note", column.note}});
  }
  return {{"version", 1},
          {"table", identifier.ToString()},
          {"adopted", done},
          {"columns", columns},
          {"notes", plan.notes},
          {"position", plan.position},
          {"known_rows", plan.known_rows}};
}

Result<int> Adopt(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const TableChoice choice, ChooseTable(*project, arguments.Text("TABLE")));
  ARROW_RETURN_NOT_OK(AdoptTable(app, choice,
                                 {.metadata = arguments.Text("--metadata"),
                                  .start = arguments.Given("--start-position"),
                                  .from_scratch = arguments.Flag("--from-scratch"),
                                  .accept_duplicates = arguments.Flag("--accept-duplicates"),
                                  .accept_gap = arguments.Flag("--accept-gap"),
                                  .offline = arguments.Flag("--offline"),
                                  .dry_run = arguments.Flag("--dry-run"),
                                  .json = arguments.Flag("--json")}));
  return 0;
}

Status SayKnown(App& app, const catalog::TableIdentifier& identifier, const table::StreamToken& token) {
  ARROW_ASSIGN_OR_RAISE(const std::string state, table::LoadState(app.files(), token));
  ARROW_ASSIGN_OR_RAISE(const auto document, pipeline::ParseStreamDocument(state));
  app.Say(identifier.ToString() + " is loaded by firn already; position " + pipeline::ShortPosition(document) +
          "\nnext  firn state set, firn state reset: to put it elsewhere\n");
  return Status::OK();
}

Status Commit(App& app, const Found& found, const pipeline::AdoptRequest& request, const pipeline::AdoptPlan& plan,
              bool of_other_catalog) {
  std::map<std::string, std::string> properties;
  if (of_other_catalog) {
    properties["gc.enabled"] = "false";
    properties[kAdoptedPlaceProperty] = found.metadata->location;
  }
  if (found.registers) {
    ARROW_RETURN_NOT_OK(Register(app, pipeline::IdentifierOf(request.pipeline, request.table), found));
  }
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  const auto committer = table::Committer::Make(*catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION});
  return pipeline::CommitAdoption(*committer, request, plan, pipeline::NewRunId(app.clock()), properties, app.stop())
      .status();
}

}  // namespace

Status AdoptTable(App& app, const TableChoice& choice, const AdoptOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  const auto identifier = pipeline::IdentifierOf(*choice.pipeline, *choice.table);
  if (!options.metadata.empty()) app.Outside(OutsideTables::kAdopted);
  ARROW_ASSIGN_OR_RAISE(const Found found, FindNamed(app, identifier, options.metadata, options.dry_run));
  ARROW_ASSIGN_OR_RAISE(const auto token,
                        table::FindToken(*found.metadata, pipeline::StreamIdOf(*choice.pipeline, *choice.table)));
  if (token) return SayKnown(app, identifier, *token);
  std::vector<pipeline::SampledKey> sample;
  if (!options.offline) {
    ARROW_ASSIGN_OR_RAISE(sample, Sample(app, *project, choice));
  }
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  const pipeline::AdoptRequest request{.project = *project,
                                       .pipeline = *choice.pipeline,
                                       .table = *choice.table,
                                       .sources = app.sources(),
                                       .services = {.http = http, .clock = &app.clock(), .open_files = app.OpenFiles()},
                                       .files = app.files(),
                                       .metadata = found.metadata,
                                       .sample = std::move(sample),
                                       .start = options.start,
                                       .from_scratch = options.from_scratch,
                                       .accept_duplicates = options.accept_duplicates,
                                       .accept_gap = options.accept_gap};
  const auto planned = pipeline::PlanAdoption(request, app.stop());
  if (!planned.ok()) return Within(identifier.ToString(), planned.status());
  if (!options.dry_run) ARROW_RETURN_NOT_OK(Commit(app, found, request, *planned, !options.metadata.empty()));
  if (options.json) return app.Print(JsonOf(identifier, *planned, !options.dry_run).dump() + "\n");
  app.Say(Text(identifier, found, *planned, options.dry_run));
  if (!options.dry_run) app.Next("firn run --select " + choice.table->name);
  return Status::OK();
}

Command TableAdoptCommand() {
  return {.name = "table adopt",
          .group = "Run",
          .summary = "take over a table that dlt, Airbyte, Spark or pyiceberg made: check it, set its position",
          .options =
              {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "table of the project", .required = true},
               {.name = "--start-position",
                .help = "where reading begins, inclusive: a value of the cursor, or max(CURSOR) of the table"},
               {.name = "--from-scratch",
                .kind = Option::Kind::kFlag,
                .help = "the next run reads everything and merges it by key"},
               {.name = "--metadata", .help = "metadata file of a table in another catalog: entered, not copied"},
               {.name = "--accept-duplicates",
                .kind = Option::Kind::kFlag,
                .help = "of a table that appends: rows may be added twice"},
               {.name = "--accept-gap",
                .kind = Option::Kind::kFlag,
                .help = "the start may lie after the table's last row: rows between are never read"},
               {.name = "--offline", .kind = Option::Kind::kFlag, .help = "do not ask the source which keys it has"},
               {.name = "--dry-run", .kind = Option::Kind::kFlag, .help = "check and say what would be done"},
               {.name = "--json", .kind = Option::Kind::kFlag, .help = "the result as JSON on stdout"}},
          .run = Adopt};
}

}  // namespace firn::cli
