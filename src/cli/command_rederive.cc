
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/error_text.h"
#include "cli/progress_view.h"
#include "cli/run_setup.h"
#include "cli/table_choice.h"
#include "pipeline/rederive.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"

namespace firn::cli {
namespace {

constexpr int kNotDone = 10;  // as `state reset` without --yes

void SayPlan(App& app, const std::string& name, const pipeline::RederivePlan& plan) {
  app.Say(name + ": " + std::to_string(plan.runs.size()) + " archived runs, " + plan.runs.front().run + " to " +
          plan.runs.back().run + "\n");
  if (!plan.superseded.empty()) {
    app.Say("  " + std::to_string(plan.superseded.size()) +
            " older runs are not read: a later one read everything anew\n");
  }
  if (!plan.taken_back.empty()) {
    app.Say("  " + std::to_string(plan.taken_back.size()) +
            " runs are not read: the table was rolled back to before them\n");
  }
  if (!plan.uncommitted.empty()) {
    app.Say(
        "  " + std::to_string(plan.uncommitted.size()) +
        " runs are not read: they found nothing new, or were stopped before a commit and read again by a later one\n");
  }
  if (!plan.outside.empty()) {
    app.Say("  " + std::to_string(plan.outside.size()) + " committed runs are not of that time, and not read\n");
  }
  for (const std::string& run : plan.unmarked) {
    app.Say("  ! run " + run + " died before it said how much it archived; it is read as it lies there\n");
  }
  if (plan.why_one_by_one != nullptr) {
    app.Say(std::string("  each run is loaded by itself: ") + plan.why_one_by_one + "\n");
  }
  for (const std::string& note : plan.notes) app.Say("  ! " + note + "\n");
  for (const std::string& gap : plan.gaps) app.Say("  ! the table will lack " + gap + "\n");
}

// A time, or a day, which means its beginning in UTC.
Result<std::optional<Timestamp>> TimeOf(const Arguments& arguments, const char* option) {
  const auto given = arguments.Given(option);
  if (!given) return std::nullopt;
  const auto time = ParseTimestamp(given->size() == 10 ? *given + "T00:00:00Z" : *given);
  if (time.ok()) return *time;
  return MakeError(Fault::kConfig, std::string(option) + " is no time: " + *given,
                   {.next = std::string(option) + " 2025-01-31, or 2025-01-31T08:00:00Z"});
}

Result<pipeline::LoadedRange> RangeOf(const Arguments& arguments) {
  pipeline::LoadedRange range;
  ARROW_ASSIGN_OR_RAISE(range.from, TimeOf(arguments, "--from"));
  ARROW_ASSIGN_OR_RAISE(range.to, TimeOf(arguments, "--to"));
  return range;
}

std::string TimeText(const pipeline::ArchivedRun& run) {
  return run.began ? FormatTimestamp(*run.began) : run.run;
}

Result<int> Run(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const TableChoice choice, ChooseTable(*project, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto setup, RunSetup::Open(app, *project, *catalog, {}));
  const pipeline::RunContext& context = setup->context();
  const std::string name = pipeline::IdentifierOf(*choice.pipeline, *choice.table).ToString();
  ARROW_ASSIGN_OR_RAISE(const pipeline::LoadedRange range, RangeOf(arguments));
  ARROW_ASSIGN_OR_RAISE(const auto plan, pipeline::PlanRederive(context, *choice.pipeline, *choice.table, range));
  SayPlan(app, name, plan);
  if (!plan.gaps.empty() && !arguments.Flag("--accept-gaps")) {
    return MakeError(Fault::kConfig,
                     name + " would lose rows: " + (range.from || range.to ? "that time does" : "the archive does") +
                         " not hold all it was made of",
                     {.code = "E0863",
                      .state = "nothing was changed",
                      .next = "firn run --select " + choice.table->name + " --full-refresh   (or --accept-gaps)"});
  }
  if (!arguments.Flag("--yes")) {
    app.Say("would replace all rows of " + name + " by what the runs from " + TimeText(plan.runs.front()) + " to " +
            TimeText(plan.runs.back()) +
            " loaded, in one commit; its source goes on where it is\nnext  the same with " + "--yes\n");
    return kNotDone;
  }
  ProgressView view(app, context.progress, context.run_id, /*json_stream=*/false);
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
               {.name = "--from", .help = "only runs that began at this time or later: 2025-01-31, or with T08:00:00Z"},
               {.name = "--to", .help = "only runs that began before this time"},
               {.name = "--accept-gaps", .kind = Option::Kind::kFlag, .help = "although rows will be missing"},
               {.name = "--json", .kind = Option::Kind::kFlag, .help = "one result object on stdout"}},
          .run = Run};
}

}  // namespace firn::cli
