#include <filesystem>
#include <nlohmann/json.hpp>

#include "catalog/rebuild.h"
#include "catalog/registry.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "io/object_location.h"

namespace firn::cli {
namespace {

using catalog::RebuildStep;
using Json = nlohmann::json;

const char* NameOf(RebuildStep::Action action) {
  switch (action) {
    case RebuildStep::Action::kRegister:
      return "register";
    case RebuildStep::Action::kAdvance:
      return "advance";
    case RebuildStep::Action::kKeep:
      return "keep";
    case RebuildStep::Action::kSkip:
      return "skip";
  }
  return "";
}

std::string TextOf(const RebuildStep& step) {
  std::string text = std::string(NameOf(step.action)) + "  " + step.identifier.ToString();
  if (!step.metadata_location.empty()) text += "  " + step.metadata_location;
  return text + "\n    " + step.why + "\n";
}

Json JsonOf(const RebuildStep& step) {
  return {{"action", NameOf(step.action)},
          {"table", step.identifier.ToString()},
          {"metadata_location", step.metadata_location},
          {"replaces", step.replaces ? Json(*step.replaces) : Json()},
          {"why", step.why}};
}

bool Changes(const RebuildStep& step) {
  return step.action == RebuildStep::Action::kRegister || step.action == RebuildStep::Action::kAdvance;
}

// A dry run makes no catalog: a SQLite file that is missing is looked at as an empty one.
bool IsThere(const config::CatalogConfig& catalog) {
  return catalog.type != config::CatalogType::kSqlite || std::filesystem::exists(catalog.path);
}

Result<int> Rebuild(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  const bool yes = arguments.Flag("--yes");
  catalog::CatalogToRebuild target;
  std::unique_ptr<catalog::Administration> administration;
  if (yes || IsThere(project->lake.catalog)) {
    const auto opened = app.Catalog(/*create=*/yes);
    if (!opened.ok()) {
      return WithContext(opened.status(), {.next = "if its file or database is damaged, move it away and try again"});
    }
    catalog::CatalogRegistry registry;
    ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
    ARROW_ASSIGN_OR_RAISE(administration,
                          registry.OpenAdministration(project->lake, {.files = app.files(), .clock = app.clock()}));
    target = {.catalog = *opened, .administration = administration.get()};
  }
  ARROW_ASSIGN_OR_RAISE(const auto steps,
                        catalog::PlanRebuild(target, app.files(), io::WarehouseLocation(project->lake.warehouse)));
  int64_t num_changes = 0;
  for (const RebuildStep& step : steps) num_changes += Changes(step);
  if (yes) ARROW_RETURN_NOT_OK(catalog::ApplyRebuild(steps, *administration).status());
  if (arguments.Flag("--json")) {
    Json list = Json::array();
    for (const RebuildStep& step : steps) list.push_back(JsonOf(step));
    ARROW_RETURN_NOT_OK(app.Print(Json{{"version", 1}, {"done", yes}, {"steps", list}}.dump(2) + "\n"));
    return 0;
  }
  std::string text;
  for (const RebuildStep& step : steps) text += TextOf(step);
  text += std::to_string(num_changes) + " of " + std::to_string(steps.size()) +
          (yes ? " tables entered.\n" : " tables would be entered. Nothing was changed.\n");
  ARROW_RETURN_NOT_OK(app.Print(text));
  if (!yes && num_changes > 0) app.Next("firn catalog rebuild --yes");
  return 0;
}

}  // namespace

Command CatalogRebuildCommand() {
  return {
      .name = "catalog rebuild",
      .reads_source = false,
      .group = "Serve",
      .summary = "find the warehouse's tables by their files and enter them into an empty or damaged catalog",
      .options = {{.name = "--yes", .kind = Option::Kind::kFlag, .help = "enter them; without it: say what would be"},
                  {.name = "--json", .kind = Option::Kind::kFlag, .help = "print the steps as JSON"}},
      .run = Rebuild};
}

}  // namespace firn::cli
