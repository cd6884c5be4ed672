#include <arrow/memory_pool.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/error_text.h"
#include "pipeline/plan_report.h"
#include "pipeline/progress.h"
#include "pipeline/run_result.h"
#include "table/commit/committer.h"

namespace firn::cli {
namespace {

std::string Text(const std::vector<pipeline::TablePlanReport>& plan) {
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
    for (const auto& choice : table.choices)
      line("chosen", choice.field + ": " + choice.value + " (" + choice.why + ")");
    for (const auto& warning : table.warnings) line("!", warning);
    if (!table.problem.ok()) out += ErrorText(table.problem);
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
  // A lake that is not there yet has no tables; looking at it creates only an empty catalog beside nothing else.
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/true));
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
  MemoryBudget budget(memory_bytes);
  const auto committer = table::Committer::Make(*catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION});
  pipeline::RunProgress progress;
  const pipeline::RunContext context{
      .project = *project,
      .clock = app.clock(),
      .files = app.files(),
      .catalog = *catalog,
      .committer = *committer,
      .http = *http,
      .history = nullptr,
      .budget = budget,
      .pool = arrow::default_memory_pool(),
      .progress = progress,
      .options = {.select = arguments.All("--select"), .full_refresh = arguments.Flag("--full-refresh")},
      .run_id = "plan",
      .loaded_at = app.clock().LogicalNow()};
  ARROW_ASSIGN_OR_RAISE(const auto plan, pipeline::PlanProject(context));
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? pipeline::ToJson(plan) + "\n" : Text(plan)));
  bool changes = false;
  for (const auto& table : plan) {
    if (!table.problem.ok()) return pipeline::ExitCodeOf(table.problem);
    changes |= !table.exists;
  }
  return changes && arguments.Flag("--detailed-exitcode") ? 10 : 0;
}

}  // namespace

Command PlanCommand() {
  return {.name = "plan",
          .group = "Run",
          .summary = "show what a run would create, read and promise",
          .options = {{.name = "--select", .kind = Option::Kind::kList, .help = "tables or pipelines"},
                      {.name = "--full-refresh", .kind = Option::Kind::kFlag, .help = "as for run"},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "one JSON object on stdout"},
                      {.name = "--detailed-exitcode",
                       .kind = Option::Kind::kFlag,
                       .help = "exit 10 if tables would be created"}},
          .run = Plan};
}

}  // namespace firn::cli
