#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "config/table_config.h"
#include "pipeline/raw_table.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "query/tables.h"
#include "table/commit/cherry_pick.h"
#include "table/commit/publish.h"

/// Commands that decide what main is: rollback, cherry-pick, publish, discard.
namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;
using catalog::TableIdentifier;

const Option kJson = {.name = "--json", .kind = Option::Kind::kFlag, .help = "one JSON object on stdout"};
const Option kTable = {.name = "TABLE", .kind = Option::Kind::kPositional, .help = "dataset.table", .required = true};

Json HeadJson(const TableIdentifier& identifier, const table::TableMetadata& metadata) {
  return {{"table", identifier.ToString()},
          {"snapshot_id", metadata.current_snapshot_id ? Json(metadata.current_snapshot_id->value) : Json(nullptr)}};
}

std::string HeadText(const table::TableMetadata& metadata) {
  return metadata.current_snapshot_id ? std::to_string(metadata.current_snapshot_id->value) : "none";
}

// Positions of parent and children belong together: the child's rows are asked for by the parent's.
Status CheckGroups(App& app, catalog::Catalog& catalog, const std::vector<TableIdentifier>& tables) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  if (project->pipelines.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto groups, pipeline::PlanGroups(*project, pipeline::TableSelection()));
  for (const auto& group : groups) {
    std::string all;
    bool named = false, missing = false;
    for (const auto* table : group.tables) {
      const TableIdentifier identifier = pipeline::IdentifierOf(*group.pipeline, *table);
      ARROW_ASSIGN_OR_RAISE(const auto loaded, catalog.LoadTable(identifier));
      if (!loaded) continue;
      const bool is_named = std::ranges::find(tables, identifier) != tables.end();
      named = named || is_named;
      missing = missing || !is_named;
      all += " " + identifier.ToString();
    }
    if (!named || !missing) continue;
    return MakeError(
        Fault::kConfig, "these tables are loaded together and must be rolled back together:" + all,
        {.code = "E0917",
         .why = "rows of a child are read for the rows of its parent; alone, one would lose or double rows",
         .state = "nothing was changed",
         .next = "firn table rollback" + all + " --to-time …"});
  }
  return Status::OK();
}

// Bodies belong to the commits of their table: no run reads them again for rows that it has.
Status CheckBodies(const std::vector<TableIdentifier>& tables, const std::vector<catalog::LoadedTable>& loaded) {
  const std::string_view suffix = config::kRawTableSuffix;
  for (size_t i = 0; i < tables.size(); ++i) {
    TableIdentifier owner = tables[i];
    if (!owner.name.ends_with(suffix) || !pipeline::CheckIsRawTable(tables[i], *loaded[i].metadata).ok()) continue;
    owner.name.resize(owner.name.size() - suffix.size());
    if (std::ranges::find(tables, owner) != tables.end()) continue;
    return MakeError(Fault::kConfig, "a raw table is rolled back with its table: " + tables[i].ToString(),
                     {.code = "E0924",
                      .why = "its bodies were committed with the rows that came of them, and no run reads them again "
                             "while the table has those rows",
                      .state = "nothing was changed",
                      .next = "firn table rollback " + owner.ToString() + " " + tables[i].ToString() + " --to-time …"});
  }
  return Status::OK();
}

// Commits list parents before their children, and a table before its bodies.
Result<std::vector<const table::TableMetadata*>> InOrderOfCommits(App& app, const std::vector<TableIdentifier>& tables,
                                                                  const std::vector<catalog::LoadedTable>& loaded) {
  std::map<TableIdentifier, size_t> places;
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  if (!project->pipelines.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto groups, pipeline::PlanGroups(*project, pipeline::TableSelection()));
    for (const auto& group : groups) {
      for (const auto* table : group.tables) {
        places.emplace(pipeline::IdentifierOf(*group.pipeline, *table), places.size());
        places.emplace(pipeline::RawTableOf(*group.pipeline, *table), places.size());
      }
    }
  }
  // By name if the project does not know them: `orders` before `orders__raw`.
  std::map<std::pair<size_t, TableIdentifier>, const table::TableMetadata*> sorted;
  for (size_t i = 0; i < tables.size(); ++i) {
    const auto place = places.find(tables[i]);
    sorted[{place == places.end() ? places.size() : place->second, tables[i]}] = loaded[i].metadata.get();
  }
  std::vector<const table::TableMetadata*> ordered;
  for (const auto& [key, metadata] : sorted) ordered.push_back(metadata);
  return ordered;
}

Result<table::SnapshotId> SnapshotAt(const table::TableMetadata& metadata, Timestamp time) {
  if (const auto* snapshot = table::AncestorAsOf(metadata, time)) return snapshot->snapshot_id;
  return MakeError(Fault::kConfig, "the table had no snapshot at " + FormatTimestamp(time),
                   {.code = "E0706", .state = "nothing was changed", .next = "firn history TABLE"});
}

struct Rollback {
  std::vector<TableIdentifier> tables;
  std::vector<table::RollbackRequest> requests;  // one per table
};

Result<Rollback> PlanRollback(App& app, catalog::Catalog& catalog, const Arguments& arguments) {
  if (arguments.Given("--to-snapshot").has_value() == arguments.Given("--to-time").has_value()) {
    return MakeError(Fault::kConfig, "a rollback needs --to-snapshot or --to-time",
                     {.next = "firn history " + arguments.All("TABLE").front()});
  }
  Rollback rollback;
  std::vector<catalog::LoadedTable> loaded;
  for (const std::string& name : arguments.All("TABLE")) {
    ARROW_ASSIGN_OR_RAISE(auto identifier, query::ResolveTable(catalog, name));
    ARROW_ASSIGN_OR_RAISE(auto table, query::LoadNamedTable(catalog, name));
    rollback.tables.push_back(std::move(identifier));
    loaded.push_back(std::move(table));
  }
  ARROW_RETURN_NOT_OK(CheckBodies(rollback.tables, loaded));
  std::optional<Timestamp> time;
  if (arguments.Given("--to-time")) {
    ARROW_ASSIGN_OR_RAISE(const auto ordered, InOrderOfCommits(app, rollback.tables, loaded));
    ARROW_ASSIGN_OR_RAISE(time, query::ParseTime(arguments.Text("--to-time")));
    time = table::EndOfCommit(ordered, *time);
  }
  for (const catalog::LoadedTable& table : loaded) {
    table::RollbackRequest request{.seen = table.metadata->current_snapshot_id, .any = arguments.Flag("--any")};
    if (time) {
      ARROW_ASSIGN_OR_RAISE(request.to, SnapshotAt(*table.metadata, *time));
    } else {
      ARROW_ASSIGN_OR_RAISE(const table::Snapshot* snapshot,
                            query::FindSnapshotByText(*table.metadata, arguments.Text("--to-snapshot")));
      request.to = snapshot->snapshot_id;
    }
    rollback.requests.push_back(request);
  }
  return rollback;
}

Result<std::vector<catalog::LoadedTable>> RollBack(App& app, catalog::Catalog& catalog, const Rollback& rollback,
                                                   bool keep) {
  const table::RefContext context{.catalog = catalog, .clock = app.clock()};
  if (keep) {
    if (rollback.tables.size() > 1) return MakeError(Fault::kConfig, "--position keep takes one table");
    ARROW_ASSIGN_OR_RAISE(
        auto table, table::RollbackKeepingPositions(context, app.files(), rollback.tables[0], rollback.requests[0],
                                                    pipeline::NewRunId(app.clock()), app.stop()));
    return std::vector<catalog::LoadedTable>{std::move(table)};
  }
  return table::CommitRefs(
      context, rollback.tables,
      [&](const TableIdentifier& identifier,
          const catalog::LoadedTable& loaded) -> Result<std::optional<table::RefChange>> {
        const auto at = std::ranges::find(rollback.tables, identifier) - rollback.tables.begin();
        ARROW_ASSIGN_OR_RAISE(auto change,
                              table::PlanRollback(*loaded.metadata, rollback.requests[static_cast<size_t>(at)]));
        return std::optional(std::move(change));
      },
      app.stop());
}

Result<int> RunRollback(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const Rollback rollback, PlanRollback(app, *catalog, arguments));
  ARROW_RETURN_NOT_OK(CheckGroups(app, *catalog, rollback.tables));
  const bool keep = arguments.Text("--position", "rewind") == "keep";
  ARROW_ASSIGN_OR_RAISE(const auto tables, RollBack(app, *catalog, rollback, keep));
  Json list = Json::array();
  for (size_t i = 0; i < tables.size(); ++i) {
    const table::TableMetadata& metadata = *tables[i].metadata;
    Json json = HeadJson(rollback.tables[i], metadata);
    json["from_snapshot_id"] = rollback.requests[i].seen ? Json(rollback.requests[i].seen->value) : Json(nullptr);
    json["position"] = keep ? "keep" : "rewind";
    list.push_back(std::move(json));
    app.Say(rollback.tables[i].ToString() + ": main is snapshot " + HeadText(metadata) +
            (keep ? "; what was removed is not read again\n" : "; the next run reads again what was removed\n"));
  }
  if (arguments.Flag("--json")) ARROW_RETURN_NOT_OK(app.Print(list.dump() + "\n"));
  return 0;
}

Result<int> RunCherryPick(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto identifier, query::ResolveTable(*catalog, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(const auto loaded, query::LoadNamedTable(*catalog, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(const table::Snapshot* source,
                        query::FindSnapshotByText(*loaded.metadata, arguments.Text("SNAPSHOT")));
  ARROW_ASSIGN_OR_RAISE(const table::Picked picked,
                        table::CherryPick({.catalog = *catalog, .clock = app.clock()}, app.files(), identifier,
                                          source->snapshot_id, pipeline::NewRunId(app.clock()), app.stop()));
  app.Say(identifier.ToString() + ": main is snapshot " + std::to_string(picked.snapshot_id.value) + ", " +
          std::to_string(picked.rows) + " rows added\n");
  if (!arguments.Flag("--json")) return 0;
  const Json json = {{"table", identifier.ToString()},
                     {"source_snapshot_id", source->snapshot_id.value},
                     {"snapshot_id", picked.snapshot_id.value},
                     {"fast_forward", picked.fast_forward},
                     {"rows", picked.rows}};
  ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
  return 0;
}

Result<int> SettleBranch(App& app, const Arguments& arguments, bool publish) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto identifier, query::ResolveTable(*catalog, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(const auto tables, table::UnpublishedWith(*catalog, identifier));
  const table::RefContext context{.catalog = *catalog, .clock = app.clock()};
  ARROW_ASSIGN_OR_RAISE(const auto changed, publish ? table::PublishBranches(context, tables, app.stop())
                                                    : table::DiscardBranches(context, tables, app.stop()));
  Json list = Json::array();
  for (size_t i = 0; i < tables.size(); ++i) {
    list.push_back(HeadJson(tables[i], *changed[i].metadata));
    app.Say(tables[i].ToString() + ": " +
            (publish ? "published, main is snapshot " + HeadText(*changed[i].metadata) + "\n"
                     : "discarded; the next run reads the rows again\n"));
  }
  if (arguments.Flag("--json")) ARROW_RETURN_NOT_OK(app.Print(list.dump() + "\n"));
  return 0;
}

}  // namespace

Command TableRollbackCommand() {
  return {.name = "table rollback",
          .reads_source = false,
          .group = "Run",
          .summary = "make an older snapshot the current one; the next run reads again what it removes",
          .options = {{.name = "TABLE",
                       .kind = Option::Kind::kPositionals,
                       .help = "dataset.table; several are rolled back in one commit",
                       .required = true},
                      {.name = "--to-snapshot", .help = "snapshot id, branch or tag"},
                      {.name = "--to-time", .help = "what main was then (RFC 3339, or a date)"},
                      {.name = "--position",
                       .help = "rewind: read again what is removed; keep: it stays removed",
                       .choices = {"rewind", "keep"}},
                      {.name = "--any",
                       .kind = Option::Kind::kFlag,
                       .help = "also a snapshot that is no ancestor of main: undo a rollback"},
                      kJson},
          .run = RunRollback};
}

Command TableCherryPickCommand() {
  return {.name = "table cherry-pick",
          .reads_source = false,
          .group = "Run",
          .summary = "put the rows that a snapshot added on main",
          .options = {kTable,
                      {.name = "SNAPSHOT",
                       .kind = Option::Kind::kPositional,
                       .help = "an append that is not on main: staged by another writer, or rolled back",
                       .required = true},
                      kJson},
          .run = RunCherryPick};
}

Command TablePublishCommand() {
  return {.name = "table publish",
          .reads_source = false,
          .group = "Run",
          .summary = "make the loads that wait on the branch firn_audit visible, whatever their checks said",
          .options = {kTable, kJson},
          .run = [](App& app, const Arguments& arguments) { return SettleBranch(app, arguments, true); }};
}

Command TableDiscardCommand() {
  return {.name = "table discard",
          .reads_source = false,
          .group = "Run",
          .summary = "drop the loads that wait on the branch firn_audit; the next run reads them again",
          .options = {kTable, kJson},
          .run = [](App& app, const Arguments& arguments) { return SettleBranch(app, arguments, false); }};
}

}  // namespace firn::cli
