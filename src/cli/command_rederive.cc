#include <arrow/memory_pool.h>

#include <nlohmann/json.hpp>

#include "base/memory_budget.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/error_text.h"
#include "cli/progress_view.h"
#include "cli/table_choice.h"
#include "pipeline/progress.h"
#include "pipeline/rederive.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "table/commit/committer.h"

namespace firn::cli {
namespace {

constexpr int kNotDone = 10;  // as `state reset` without --yes

void SayPlan(App& app, const std::string& name, const pipeline::RederivePlan& plan) {
  app.Say(name + ": " + std::to_string(plan.runs.size()) + " archived runs, " + plan.runs.front() + " to " +
          plan.runs.back() + "\n");
  if (!plan.superseded.empty()) {
    app.Say("  " + std::to_string(plan.superseded.size()) +
            " older runs are not read: a later one read everything anew\n");
  }
  for (const std::string& run : plan.uncommitted) {
    app.Say("  ! run " + run + " was never committed; a later run read its rows again\n");
  }
  for (const std::string& gap : plan.gaps) app.Say("  ! missing in the archive: " + gap + "\n");
}

Result<int> Run(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const TableChoice choice, ChooseTable(*project, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());  // of the context; nobody is asked
  ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
  MemoryBudget budget(memory_bytes);
  BudgetedMemoryPool pool(budget, *arrow::default_memory_pool());
  const auto committer = table::Committer::Make(*catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION});
  pipeline::RunProgress progress;
  const pipeline::RunContext context{.project = *project,
                                     .clock = app.clock(),
                                     .files = app.files(),
                                     .catalog = *catalog,
                                     .committer = *committer,
                                     .http = *http,
                                     .history = nullptr,
                                     .budget = budget,
                                     .pool = &pool,
                                     .progress = progress,
                                     .options = {.threads = app.threads()},
                                     .run_id = pipeline::NewRunId(app.clock()),
                                     .loaded_at = app.clock().LogicalNow()};
  const std::string name = pipeline::IdentifierOf(*choice.pipeline, *choice.table).ToString();
  ARROW_ASSIGN_OR_RAISE(const auto plan, pipeline::PlanRederive(context, *choice.pipeline, *choice.table));
  SayPlan(app, name, plan);
  if (!plan.gaps.empty() && !arguments.Flag("--accept-gaps")) {
    return MakeError(Fault::kConfig, name + " would lose rows: the archive does not hold all it was made of",
                     {.code = "E0863",
                      .state = "nothing was changed",
                      .next = "firn run --select " + choice.table->name + " --full-refresh   (or --accept-gaps)"});
  }
  if (!arguments.Flag("--yes")) {
    app.Say("would replace all rows of " + name +
            " by those; its source goes on where it is\nnext  the same with --yes\n");
    return kNotDone;
  }
  ProgressView view(app, progress, context.run_id, /*json_stream=*/false);
  const auto result = pipeline::Rederive(context, *choice.pipeline, *choice.table, plan, app.stop());
  view.Finish();
  ARROW_RETURN_NOT_OK(result.status());
  ARROW_RETURN_NOT_OK(result->error);
  if (arguments.Flag("--json")) {
    pipeline::RunResult run{.run_id = context.run_id,
                            .environment = project->environment,
                            .lake = project->lake.warehouse,
                            .started = context.loaded_at,
                            .finished = app.clock().Now(),
                            .tables = {*result}};
    ARROW_RETURN_NOT_OK(app.Print(pipeline::ToJson(run) + "\n"));
  }
  if (!app.quiet()) {
    app.Say(
        std::to_string(result->rows.read) + " rows read, " + std::to_string(result->rows.quarantined) + " quarantined" +
        (result->snapshot_id ? " · snapshot " + std::to_string(*result->snapshot_id) : " · nothing committed") + "\n");
    for (const std::string& change : result->schema_changes) app.Say("schema   " + change + "\n");
    for (const std::string& warning : result->warnings) app.Say("!        " + warning + "\n");
  }
  app.Next("firn sql \"from " + name + " limit 5\"");
  return 0;
}

}  // namespace

Command RederiveCommand() {
  return {.name = "rederive",
          .group = "Run",
          .summary = "rebuild a table from its raw archive, without asking the source",
          .options =
              {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "table of the project", .required = true},
               {.name = "--yes",
                .kind = Option::Kind::kFlag,
                .help = "do it; without it the command says what it would do"},
               {.name = "--accept-gaps", .kind = Option::Kind::kFlag, .help = "although the archive lacks runs"},
               {.name = "--json", .kind = Option::Kind::kFlag, .help = "one result object on stdout"}},
          .run = Run};
}

}  // namespace firn::cli
