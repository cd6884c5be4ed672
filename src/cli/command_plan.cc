
#include <filesystem>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/error_text.h"
#include "cli/no_lake.h"
#include "cli/run_setup.h"
#include "pipeline/plan_report.h"
#include "pipeline/run_result.h"

namespace firn::cli {
namespace {

std::string Text(const std::vector<pipeline::TablePlanReport>& plan, const std::vector<pipeline::KeptTable>& kept) {
  std::string out, last;
  int64_t created = 0;
  for (const auto& table : plan) {
    if (table.pipeline != last) out += "pipeline " + table.pipeline + "\n";
    last = table.pipeline;
    created += !table.exists;
    out += std::string(table.exists ? "  ~ " : "  + ") + table.identifier +
           (table.exists ? "" : "   created by the run") +
           (table.grouped ? "   commits together with its relatives" : "") + "\n";
    const auto line = [&](const std::string& name, const std::string& value) {
      out += "      " + name + std::string(11 - name.size(), ' ') + value + "\n";
    };
    line("write", table.write);
    line("read", table.read);
    line("guarantee", std::string(ToString(table.guarantee.level)) + ": " + table.guarantee.why);
    line("progress",
         (table.guarantee.keeps_progress ? "kept when stopped: " : "only at the end: ") + table.guarantee.progress_why);
    line("raw", table.raw);
    for (const auto& change : table.changes) line("changes", change);
    for (const auto& choice : table.choices)
      line("chosen", choice.field + ": " + choice.value + " (" + choice.why + ")");
    for (const auto& warning : table.warnings) line("!", warning);
    for (const auto& note : table.notes) line("types", note);
    if (!table.problem.ok()) out += ErrorText(table.problem);
  }
  if (!kept.empty()) out += "kept\n";
  for (const auto& table : kept) {
    out += "  = " + table.identifier + "   " + KeptText(table) + "\n      next       " + KeptNext(table) + "\n";
  }
  return out + std::to_string(created) + " to create, " + std::to_string(static_cast<int64_t>(plan.size()) - created) +
         " to update. Nothing was read from a source, nothing was written.\n";
}

Result<int> Plan(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  if (project->pipelines.empty()) {
    return MakeError(Fault::kConfig, "there is no pipeline here, so there is nothing to plan",
                     {.state = "nothing was created", .next = "firn init URL, or run in a project's folder"});
  }
  NoLake no_lake;
  catalog::Catalog* catalog = &no_lake;
  const config::CatalogConfig& configured = project->lake.catalog;
  if (configured.type != config::CatalogType::kSqlite || std::filesystem::exists(configured.path)) {
    ARROW_ASSIGN_OR_RAISE(catalog, app.Catalog(/*create=*/false));
  }
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  pipeline::TableSelection selection{.select = arguments.All("--select"), .exclude = arguments.All("--exclude")};
  ARROW_RETURN_NOT_OK(pipeline::FillStates(history, project->lake.warehouse, &selection));
  ARROW_ASSIGN_OR_RAISE(const auto setup, RunSetup::Open(app, *project, *catalog,
                                                         {.selection = std::move(selection),
                                                          .full_refresh = arguments.Flag("--full-refresh")}));
  pipeline::RunContext& context = setup->context();
  context.history = history;
  context.run_id = "plan";
  ARROW_ASSIGN_OR_RAISE(const auto plan, pipeline::PlanProject(context));
  std::vector<pipeline::KeptTable> kept;
  if (context.options.selection.select.empty()) kept = pipeline::FindKeptTables(*project, history, *catalog);
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? pipeline::ToJson(plan, kept) + "\n" : Text(plan, kept)));
  bool changes = false;
  for (const auto& table : plan) {
    if (!table.problem.ok()) return pipeline::ExitCodeOf(table.problem);
    changes |= !table.exists || !table.changes.empty();
  }
  return changes && arguments.Flag("--detailed-exitcode") ? 10 : 0;
}

}  // namespace

Command PlanCommand() {
  return {.name = "plan",
          .reads_tables = true,
          .group = "Run",
          .summary = "show what a run would create, read and promise",
          .options = {{.name = "--select", .kind = Option::Kind::kList, .help = "as for run"},
                      {.name = "--exclude", .kind = Option::Kind::kList, .help = "as for run"},
                      {.name = "--full-refresh", .kind = Option::Kind::kFlag, .help = "as for run"},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "one JSON object on stdout"},
                      {.name = "--detailed-exitcode",
                       .kind = Option::Kind::kFlag,
                       .help = "exit 10 if tables would be created or changed"}},
          .run = Plan};
}

}  // namespace firn::cli
