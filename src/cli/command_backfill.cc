
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/kept_result.h"
#include "cli/run_setup.h"
#include "cli/table_choice.h"
#include "pipeline/backfill.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "state/run_history.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string StateName(const pipeline::BackfillStatus& status) {
  if (status.state.begun.empty()) return "none";
  if (status.finished()) return "finished";
  return status.state.cancelled ? "cancelled" : "open";
}

Result<int> ShowStatus(App& app, const std::string& name, const pipeline::BackfillStatus& status, bool json) {
  const auto& range = status.state.range;
  if (json) {
    const Json out{{"version", 1},
                   {"table", name},
                   {"state", StateName(status)},
                   {"from", range.from},
                   {"to", range.to},
                   {"step", range.step},
                   {"slices", status.slices},
                   {"done", status.done},
                   {"workers", status.state.workers}};
    ARROW_RETURN_NOT_OK(app.Print(out.dump() + "\n"));
    return 0;
  }
  if (status.state.begun.empty()) {
    ARROW_RETURN_NOT_OK(app.Print(name + ": no backfill\n"));
    return 0;
  }
  ARROW_RETURN_NOT_OK(app.Print(name + ": " + StateName(status) + ", from " + range.from + " to " + range.to +
                                (range.step.empty() ? "" : ", step " + range.step) + ": " +
                                std::to_string(status.done) + " of " + std::to_string(status.slices) +
                                " slices are done\n"));
  return 0;
}

std::optional<pipeline::BackfillRange> RangeOf(const Arguments& arguments) {
  if (!arguments.Given("--from") && !arguments.Given("--to") && !arguments.Given("--step")) return std::nullopt;
  return pipeline::BackfillRange{
      .from = arguments.Text("--from"), .to = arguments.Text("--to"), .step = arguments.Text("--step")};
}

void SaySlice(App& app, const std::pair<std::string, std::string>& slice,
              const std::vector<pipeline::TableResult>& tables) {
  std::string line = "  " + slice.first + " to " + slice.second;
  for (const auto& table : tables) {
    line += "   " + table.identifier + " " + std::to_string(table.rows.read) + " read, " +
            std::to_string(table.rows_written()) + " written, " + std::to_string(table.rows.skipped) + " known";
  }
  app.Say(line + "\n");
}

Result<int> RunRange(App& app, const Arguments& arguments, const pipeline::RunContext& context,
                     const pipeline::CommitGroup& group) {
  pipeline::BackfillRequest request{.group = &group, .range = RangeOf(arguments)};
  request.workers = arguments.Integer("--parallel").value_or(2);
  if (!app.quiet()) {
    request.on_slice = [&app](const auto& slice, const auto& tables) { SaySlice(app, slice, tables); };
  }
  ARROW_ASSIGN_OR_RAISE(const pipeline::RunResult run, pipeline::RunBackfill(context, request, app.stop()));
  if (context.history != nullptr) KeepResult(context.project, *context.history, run);
  if (arguments.Flag("--json")) ARROW_RETURN_NOT_OK(app.Print(pipeline::ToJson(run) + "\n"));
  ARROW_RETURN_NOT_OK(run.tables.front().error);
  if (!app.quiet()) {
    for (const auto& table : run.tables) {
      app.Say(table.identifier + ": " + std::to_string(table.rows.read) + " read, " +
              std::to_string(table.rows_written()) + " written, " + std::to_string(table.rows.skipped) +
              " known or older, " + std::to_string(table.rows.quarantined) + " quarantined\n");
    }
    app.Say("the backfill is finished; the position of the table did not move\n");
  }
  return 0;
}

Result<int> Run(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const TableChoice choice, ChooseTable(*project, arguments.Text("TABLE")));
  const std::string name = pipeline::IdentifierOf(*choice.pipeline, *choice.table).ToString();
  ARROW_ASSIGN_OR_RAISE(const auto groups,
                        pipeline::PlanGroups(*project, {.select = {choice.pipeline->name + "." + choice.table->name}}));
  pipeline::CommitGroup group = groups.front();
  if (!choice.table->parent.empty()) group.tables = {choice.table};  // refused by name
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto setup,
                        RunSetup::Open(app, *project, *catalog, {.command = state::kBackfillCommand}));
  pipeline::RunContext& context = setup->context();
  if (arguments.Flag("--status")) {
    ARROW_ASSIGN_OR_RAISE(const auto status, pipeline::FindBackfill(context, group));
    return ShowStatus(app, name, status, arguments.Flag("--json"));
  }
  if (arguments.Flag("--cancel")) {
    ARROW_RETURN_NOT_OK(pipeline::CancelBackfill(context, group, app.stop()));
    app.Say(name + ": the backfill is cancelled; what it has read stays\n");
    return 0;
  }
  ARROW_ASSIGN_OR_RAISE(context.history, app.History());
  context.log = app.log();
  return RunRange(app, arguments, context, group);
}

}  // namespace

Command BackfillCommand() {
  return {
      .name = "backfill",
      .group = "Run",
      .summary = "read a range of a table beside its position, slice by slice; goes on where it was stopped",
      .options =
          {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "table of the project", .required = true},
           {.name = "--from", .help = "first value of the cursor that is read"},
           {.name = "--to", .help = "end of the range, exclusive"},
           {.name = "--step", .help = "length of a slice: 30d, or a number; default: one slice"},
           {.name = "--parallel", .kind = Option::Kind::kInteger, .help = "slices read at the same time; default: 2"},
           {.name = "--status", .kind = Option::Kind::kFlag, .help = "how far it is; nothing is read"},
           {.name = "--cancel", .kind = Option::Kind::kFlag, .help = "end it; what it has read stays"},
           {.name = "--json", .kind = Option::Kind::kFlag, .help = "one object on stdout"}},
      .run = Run};
}

}  // namespace firn::cli
