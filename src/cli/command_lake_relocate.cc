#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "catalog/registry.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/lake_move.h"
#include "io/object_location.h"
#include "table/maintenance/relocate.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kAttemptsMax = 10;  // of a table that somebody commits to meanwhile

Result<std::string> LocationOf(std::string text) {
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  if (io::IsObjectLocation(text) || text.starts_with("file:")) return text;
  std::error_code error;
  std::string path = std::filesystem::absolute(text, error).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return "file://" + path;
}

Result<table::Relocation> MoveOf(App& app, const Arguments& arguments, const std::vector<LakeTable>& tables,
                                 const config::LakeConfig& lake) {
  ARROW_ASSIGN_OR_RAISE(const std::string to,
                        LocationOf(arguments.Text("--to", io::WarehouseLocation(lake.warehouse))));
  if (const auto from = arguments.Given("--from")) {
    ARROW_ASSIGN_OR_RAISE(const std::string place, LocationOf(*from));
    return table::Relocation{.from = place, .to = to};
  }
  ARROW_ASSIGN_OR_RAISE(const auto found, FindMove(app.files(), tables, to, LakePlace::Of(lake)));
  return found.value_or(table::Relocation{.from = to, .to = to});
}

struct Relocated {
  LakeTable table;
  table::RelocateReport report;
  bool moved = false;
};

// All but the swap of the pointer.
Result<Relocated> WriteOne(App& app, const LakeTable& table, const table::Relocation& relocation, bool dry_run) {
  Relocated done{.table = table, .moved = relocation.Covers(table.metadata_location)};
  if (!done.moved) return done;
  ARROW_ASSIGN_OR_RAISE(done.report, table::RelocateTable(app.files(), app.clock(), table.metadata_location, relocation,
                                                          dry_run, app.stop()));
  return done;
}

// A commit of somebody else in between moves the pointer: what follows from it is relocated anew.
Status SwapOne(App& app, catalog::Administration& administration, const table::Relocation& relocation,
               Relocated* done) {
  for (int attempt = 0; done->moved; ++attempt) {
    LakeTable table = done->table;
    FIRN_FAILPOINT("relocate.before_swap");
    const Status swapped =
        administration.RegisterTable(table.identifier, done->report.metadata_location, table.metadata_location);
    if (swapped.ok()) return swapped;
    ARROW_ASSIGN_OR_RAISE(const auto entry, administration.Find(table.identifier));
    const bool overtaken = entry && entry->metadata_location != table.metadata_location;
    if (!overtaken || attempt >= kAttemptsMax) return swapped;
    table.metadata_location = entry->metadata_location;
    ARROW_ASSIGN_OR_RAISE(*done, WriteOne(app, table, relocation, /*dry_run=*/false));
  }
  return Status::OK();
}

// No pointer is swapped before the files of all tables are known to be there.
Result<std::vector<Relocated>> RelocateAll(App& app, catalog::Administration& administration,
                                           const std::vector<LakeTable>& tables, const table::Relocation& relocation,
                                           bool dry_run) {
  std::vector<Relocated> all;
  const auto named = [](const LakeTable& table, const Status& status) {
    return Within("table " + table.identifier.ToString(), status);
  };
  for (const LakeTable& table : tables) {
    auto done = WriteOne(app, table, relocation, dry_run);
    if (!done.ok()) return named(table, done.status());
    all.push_back(std::move(*done));
  }
  for (Relocated& done : all) {
    const Status swapped = dry_run ? Status::OK() : SwapOne(app, administration, relocation, &done);
    if (!swapped.ok()) return named(done.table, swapped);
  }
  return all;
}

Status MoveNamespaces(catalog::Catalog& catalog, catalog::Administration& administration,
                      const table::Relocation& relocation) {
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, catalog.ListNamespaces());
  for (const auto& ns : namespaces) {
    ARROW_ASSIGN_OR_RAISE(const auto properties, administration.LoadNamespace(ns));
    if (!properties) continue;
    catalog::Properties moved;
    for (const auto& [key, value] : *properties) {
      if (relocation.Covers(value)) moved[key] = relocation.Moved(value);
    }
    if (!moved.empty()) ARROW_RETURN_NOT_OK(administration.UpdateNamespace(ns, moved, {}).status());
  }
  return Status::OK();
}

std::string TextOf(const Relocated& done, bool dry_run) {
  std::string text = "  " + done.table.identifier.ToString();
  if (!done.moved) return text + "  is where the catalog says, or outside of the move\n";
  const table::RelocateReport& report = done.report;
  return text + "  " + std::to_string(report.snapshots) + " snapshots: " + std::to_string(report.manifest_lists) +
         " manifest lists, " + std::to_string(report.manifests) + " manifests, " + std::to_string(report.delete_files) +
         " delete files" + (dry_run ? " would be written" : " written") + "\n";
}

Json JsonOf(const Relocated& done) {
  return {{"table", done.table.identifier.ToString()},
          {"moved", done.moved},
          {"metadata_location", done.moved ? done.report.metadata_location : done.table.metadata_location},
          {"snapshots", done.report.snapshots},
          {"manifest_lists", done.report.manifest_lists},
          {"manifests", done.report.manifests},
          {"delete_files", done.report.delete_files}};
}

Result<int> Relocate(App& app, const Arguments& arguments) {
  const bool dry_run = arguments.Flag("--dry-run");
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  catalog::CatalogRegistry registry;
  ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
  ARROW_ASSIGN_OR_RAISE(const auto administration,
                        registry.OpenAdministration(project->lake, {.files = app.files(), .clock = app.clock()}));
  ARROW_ASSIGN_OR_RAISE(const auto tables, ListEntries(*catalog, *administration));
  ARROW_ASSIGN_OR_RAISE(const auto relocation, MoveOf(app, arguments, tables, project->lake));
  Json list = Json::array();
  std::string text;
  int64_t num_moved = 0;
  ARROW_ASSIGN_OR_RAISE(const auto all, RelocateAll(app, *administration, tables, relocation, dry_run));
  for (const Relocated& done : all) {
    num_moved += done.moved;
    list.push_back(JsonOf(done));
    text += TextOf(done, dry_run);
  }
  if (!dry_run) ARROW_RETURN_NOT_OK(MoveNamespaces(*catalog, *administration, relocation));
  if (arguments.Flag("--json")) {
    const Json json = {
        {"version", 1}, {"from", relocation.from}, {"to", relocation.to}, {"done", !dry_run}, {"tables", list}};
    ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
    return 0;
  }
  app.Say((num_moved == 0 ? "nothing to relocate below " + relocation.to
                          : "from " + relocation.from + "\nto   " + relocation.to) +
          "\n" + text + (dry_run ? "nothing was changed\n" : ""));
  if (dry_run && num_moved > 0) app.Next("firn lake relocate");
  return 0;
}

}  // namespace

Command LakeRelocateCommand() {
  return {.name = "lake relocate",
          .reads_source = false,
          .group = "Serve",
          .summary = "after a lake was moved: rewrite the paths in its metadata, of all snapshots",
          .options = {{.name = "--from", .help = "folder or prefix where the lake was; default: found out"},
                      {.name = "--to", .help = "where it is now; default: the project's warehouse"},
                      {.name = "--dry-run", .kind = Option::Kind::kFlag, .help = "say what would be written"},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "the result as JSON on stdout"}},
          .run = Relocate};
}

}  // namespace firn::cli
