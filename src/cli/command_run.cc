#include "cli/app.h"
#include "cli/commands.h"
#include "cli/run_command.h"

namespace firn::cli {
namespace {

// A word with a slash or the ending of a project file names a file; any other names a pipeline.
bool NamesFile(const std::string& word) {
  return word == "-" || word.find('/') != std::string::npos || word.ends_with(".yaml") || word.ends_with(".yml") ||
         word.ends_with(".json");
}

}  // namespace

Command RunCommand() {
  Command command{.name = "run", .group = "Run", .summary = "read the tables of the project and commit them"};
  command.options = {
      {.name = "PROJECT",
       .kind = Option::Kind::kPositional,
       .help = "project file (as --config) or name of a pipeline"},
      {.name = "--select",
       .kind = Option::Kind::kList,
       .help = "tables or pipelines, shop.*, tag:x, state:failed; a child brings its parent along"},
      {.name = "--exclude", .kind = Option::Kind::kList, .help = "what --select would take and is left out"},
      {.name = "--full-refresh",
       .kind = Option::Kind::kFlag,
       .help = "read everything anew and publish it in one overwrite"},
      {.name = "--from", .help = "incremental start for this run; the position does not move"},
      {.name = "--to", .help = "incremental end for this run, exclusive; the position does not move"},
      {.name = "--yes",
       .kind = Option::Kind::kFlag,
       .help = "delete missing keys, or rows by --full-refresh, however many; with --from or --to also append tables, "
               "whose rows may then be there twice"},
      {.name = "--reconcile",
       .kind = Option::Kind::kFlag,
       .help = "read again what incremental merges have read, and repair what differs"},
      {.name = "--dry-run", .kind = Option::Kind::kFlag, .help = "show the plan, read and write nothing"},
      {.name = "--max-rows", .kind = Option::Kind::kInteger, .help = "stop each table after that many rows"},
      {.name = "--json", .kind = Option::Kind::kFlag, .help = "one result object on stdout"},
      {.name = "--json-stream", .kind = Option::Kind::kFlag, .help = "JSON lines on stdout while running"},
      {.name = "--metrics-file", .help = "file for Prometheus' textfile collector, ending with .prom"},
      {.name = "--partial-ok", .kind = Option::Kind::kFlag, .help = "exit 0 when some tables failed and some did not"},
  };
  command.run = [](App& app, const Arguments& arguments) -> Result<int> {
    RunRequest request;
    request.options.selection = {.select = arguments.All("--select"), .exclude = arguments.All("--exclude")};
    if (const auto project = arguments.Given("PROJECT"); project && NamesFile(*project)) {
      app.SetProjectFile(*project);
    } else if (project) {
      request.options.selection.select.push_back(*project);
    }
    request.options.full_refresh = arguments.Flag("--full-refresh");
    request.options.may_repeat_rows = arguments.Flag("--yes");
    request.options.may_delete_many = arguments.Flag("--yes");
    request.options.reconcile = arguments.Flag("--reconcile");
    request.options.from = arguments.Given("--from");
    request.options.to = arguments.Given("--to");
    request.options.max_rows = arguments.Integer("--max-rows");
    request.json = arguments.Flag("--json");
    request.json_stream = arguments.Flag("--json-stream");
    request.partial_ok = arguments.Flag("--partial-ok");
    request.metrics_file = arguments.Text("--metrics-file");
    if (arguments.Flag("--dry-run")) return PlanCommand().run(app, arguments);
    return RunTables(app, std::move(request));
  };
  return command;
}

}  // namespace firn::cli
