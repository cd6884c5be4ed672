#include "cli/app.h"
#include "cli/commands.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "pipeline/stream_document.h"
#include "table/commit/committer.h"

namespace firn::cli {
namespace {

const Option kTable = {
    .name = "TABLE", .kind = Option::Kind::kPositional, .help = "table of the project", .required = true};
const Option kYes = {
    .name = "--yes", .kind = Option::Kind::kFlag, .help = "do it; without it the command says what it would do"};

struct Target {
  const config::PipelineConfig* pipeline = nullptr;
  const config::TableConfig* table = nullptr;
  std::unique_ptr<table::Committer> committer;
};

Result<Target> FindTarget(App& app, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const auto groups, pipeline::PlanGroups(*project, {name}));
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  Target target;
  target.pipeline = groups.front().pipeline;
  for (const auto* table : groups.front().tables) {
    const std::string identifier = pipeline::IdentifierOf(*target.pipeline, *table).ToString();
    if (name == table->name || name == identifier || name == target.pipeline->name + "." + table->name)
      target.table = table;
  }
  if (target.table == nullptr) return MakeError(Fault::kConfig, name + " names several tables; name one");
  target.committer = table::Committer::Make(*catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION});
  return target;
}

Result<int> Get(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const Target target, FindTarget(app, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(const auto stream,
                        target.committer->OpenStream(pipeline::IdentifierOf(*target.pipeline, *target.table),
                                                     pipeline::StreamIdOf(*target.pipeline, *target.table)));
  ARROW_RETURN_NOT_OK(app.Print((stream.state.empty() ? "null" : stream.state) + "\n"));
  return 0;
}

Result<int> Force(App& app, const Arguments& arguments, const std::string& state, const std::string& what) {
  ARROW_ASSIGN_OR_RAISE(const Target target, FindTarget(app, arguments.Text("TABLE")));
  const auto identifier = pipeline::IdentifierOf(*target.pipeline, *target.table);
  if (!arguments.Flag("--yes")) {
    app.Say("would " + what + " of " + identifier.ToString() + "; rows stay as they are\nnext  the same with --yes\n");
    return 10;
  }
  ARROW_ASSIGN_OR_RAISE(const auto committed,
                        target.committer->ForceState(identifier, pipeline::StreamIdOf(*target.pipeline, *target.table),
                                                     state, pipeline::NewRunId(app.clock()), app.stop()));
  app.Say("done: snapshot " + std::to_string(committed.snapshot_id.value) + "\n");
  return 0;
}

Result<int> Set(App& app, const Arguments& arguments) {
  const std::string state = arguments.Text("STATE");
  ARROW_RETURN_NOT_OK(pipeline::ParseStreamDocument(state).status());
  return Force(app, arguments, state, "put the position");
}

Result<int> Reset(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const Target target, FindTarget(app, arguments.Text("TABLE")));
  if (target.table->write_disposition == config::WriteDisposition::kAppend && !arguments.Flag("--accept-duplicates")) {
    return MakeError(
        Fault::kConfig, target.table->name + " appends: reading it again from the beginning doubles its rows",
        {.code = "E0814",
         .state = "nothing was changed",
         .next = "firn run --select " + target.table->name + " --full-refresh   (or --accept-duplicates)"});
  }
  return Force(app, arguments, "", "forget the position");
}

// Ends "needs decision": the table as it is now, with the position its newest firn snapshot says.
Result<int> Accept(App& app, const Arguments& arguments) {
  return Force(app, arguments, arguments.Text("--state"), "accept the table as it is, and put the position");
}

}  // namespace

Command StateGetCommand() {
  return {.name = "state get", .group = "Run", .summary = "print a table's position", .options = {kTable}, .run = Get};
}
Command StateSetCommand() {
  return {.name = "state set",
          .group = "Run",
          .summary = "put a table's position, as a commit of its own",
          .options = {kTable,
                      {.name = "STATE",
                       .kind = Option::Kind::kPositional,
                       .help = "JSON as `state get` prints it",
                       .required = true},
                      kYes},
          .run = Set};
}
Command StateResetCommand() {
  return {
      .name = "state reset",
      .group = "Run",
      .summary = "forget a table's position: the next run reads from the beginning",
      .options = {kTable,
                  kYes,
                  {.name = "--accept-duplicates", .kind = Option::Kind::kFlag, .help = "also for tables that append"}},
      .run = Reset};
}
Command StateAcceptCommand() {
  return {.name = "state accept",
          .group = "Run",
          .summary = "go on after a table was rolled back by somebody else",
          .options = {kTable,
                      {.name = "--state", .help = "position to go on from (JSON); without it from the beginning"},
                      kYes},
          .run = Accept};
}

}  // namespace firn::cli
