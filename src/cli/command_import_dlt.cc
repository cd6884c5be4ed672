#include <algorithm>
#include <filesystem>

#include "cli/adopt_table.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/error_text.h"
#include "io/object_location.h"
#include "pipeline/dlt_state.h"
#include "pipeline/run_plan.h"

namespace firn::cli {
namespace {

constexpr int kSomeFailed = 3;

using pipeline::DltCursor;

Status Refused(const std::string& table, const std::string& what) {
  return MakeError(Fault::kConfig, table + ": " + what,
                   {.code = "E0954",
                    .state = "this table was not changed",
                    .next = "firn table adopt " + table + " --start-position VALUE"});
}

// The one cursor of dlt that is the table's. Null: dlt's state does not know the table.
Result<const DltCursor*> CursorOf(const std::vector<DltCursor>& cursors, const config::TableConfig& table,
                                  const std::string& name) {
  const DltCursor* found = nullptr;
  bool known = false;
  for (const DltCursor& cursor : cursors) {
    if (cursor.resource != table.name) continue;
    known = true;
    if (!table.incremental || cursor.path != table.incremental->cursor) continue;
    if (found != nullptr) {
      return Refused(name, "dlt's sources " + found->source + " and " + cursor.source +
                               " both have a resource of that "
                               "name");
    }
    found = &cursor;
  }
  if (!known) return nullptr;
  if (found == nullptr) return Refused(name, "dlt's state has no position of the cursor that the project names");
  if (!found->last) return Refused(name, "the position of " + found->path + " cannot be taken: " + found->why_not);
  return found;
}

Result<std::string> ReadState(App& app, const std::string& text) {
  std::error_code error;
  const bool object = io::IsObjectLocation(text);
  return app.files().ReadText(object ? text : std::filesystem::absolute(text, error).lexically_normal().string());
}

Result<int> Import(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadState(app, arguments.Text("FILE")));
  ARROW_ASSIGN_OR_RAISE(const auto cursors, pipeline::ReadDltState(text));
  int64_t num_done = 0;
  Status last;
  for (const auto& pipeline : project->pipelines) {
    for (const auto& table : pipeline.tables) {
      const std::string name = pipeline::IdentifierOf(pipeline, table).ToString();
      const auto cursor = CursorOf(cursors, table, name);
      if (cursor.ok() && *cursor == nullptr) continue;
      const Status done = !cursor.ok() ? cursor.status()
                                       : AdoptTable(app, {.pipeline = &pipeline, .table = &table},
                                                    {.start = (*cursor)->last,
                                                     .accept_gap = arguments.Flag("--accept-gap"),
                                                     .offline = arguments.Flag("--offline"),
                                                     .dry_run = arguments.Flag("--dry-run")});
      num_done += done.ok();
      if (done.ok()) continue;
      if (!last.ok()) app.Say(ErrorText(last));
      last = done;
    }
  }
  if (last.ok() && num_done > 0) return 0;
  if (last.ok()) {
    return MakeError(Fault::kConfig, "no table of the project is a resource of this state",
                     {.code = "E0954",
                      .why = "tables of the project are known by the names of dlt's resources",
                      .state = "nothing was changed"});
  }
  if (num_done == 0) return last;
  app.Say(ErrorText(last));
  return kSomeFailed;
}

}  // namespace

Command ImportDltStateCommand() {
  return {.name = "import dlt-state",
          .group = "Run",
          .summary = "adopt the tables of a dlt pipeline where its state says that it stands",
          .options = {{.name = "FILE",
                       .kind = Option::Kind::kPositional,
                       .help = "state.json of the pipeline, or `state` of _dlt_pipeline_state",
                       .required = true},
                      {.name = "--offline", .kind = Option::Kind::kFlag, .help = "do not ask the source for its keys"},
                      {.name = "--accept-gap",
                       .kind = Option::Kind::kFlag,
                       .help = "positions may lie after the tables' last rows"},
                      {.name = "--dry-run", .kind = Option::Kind::kFlag, .help = "check and say what would be done"}},
          .run = Import};
}

}  // namespace firn::cli
