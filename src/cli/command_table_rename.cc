#include "cli/app.h"
#include "cli/commands.h"
#include "io/raw_archive.h"
#include "pipeline/raw_table.h"
#include "pipeline/run_plan.h"
#include "query/tables.h"

namespace firn::cli {
namespace {

Result<catalog::TableIdentifier> NewName(const std::string& name) {
  catalog::TableIdentifier out;
  size_t begin = 0;
  for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', begin)) {
    out.ns.push_back(name.substr(begin, dot - begin));
    begin = dot + 1;
  }
  out.name = name.substr(begin);
  bool complete = !out.ns.empty() && !out.name.empty();
  for (const std::string& level : out.ns) complete = complete && !level.empty();
  if (complete) return out;
  return MakeError(Fault::kConfig, "`" + name + "` is no name for a table",
                   {.state = "nothing was changed", .next = "write DATASET.TABLE"});
}

// Bodies go along, and first: done again after an interruption, the command moves what is left.
Status RenameBodies(App& app, catalog::Catalog& catalog, catalog::TableIdentifier from, catalog::TableIdentifier to) {
  from.name += config::kRawTableSuffix;
  to.name += config::kRawTableSuffix;
  ARROW_ASSIGN_OR_RAISE(const auto bodies, catalog.LoadTable(from));
  if (!bodies || !pipeline::CheckIsRawTable(from, *bodies->metadata).ok()) return Status::OK();
  ARROW_RETURN_NOT_OK(catalog.RenameTable(from, to));
  app.Say(from.ToString() + " is " + to.ToString() + " now\n");
  return Status::OK();
}

// An archive lies under the names it was written by. `project`: as it was before the rename.
Status SayWhatStays(App& app, const config::Project& project, const catalog::TableIdentifier& from,
                    const catalog::TableIdentifier& to) {
  if (from.name == to.name) return Status::OK();  // rederive looks into every dataset
  for (const auto& pipeline : project.pipelines) {
    for (const auto& table : pipeline.tables) {
      if (table.raw.mode == config::RawConfig::Mode::kOff || pipeline::IdentifierOf(pipeline, table) != from) continue;
      ARROW_ASSIGN_OR_RAISE(const auto runs,
                            io::ListRawRuns(app.files(), pipeline::ArchivePlaceOf(pipeline, table, "")));
      if (runs.empty()) continue;
      app.Say("! the raw archive in " + table.raw.location + " stays under the name " + from.name + ": rederive of " +
              to.ToString() + " lacks its runs (E0863) until firn run --full-refresh\n");
    }
  }
  return Status::OK();
}

// The table keeps its files where they are, its history and the positions of its streams.
Result<int> Rename(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto from, query::ResolveTable(*catalog, arguments.Text("FROM")));
  ARROW_ASSIGN_OR_RAISE(const auto to, NewName(arguments.Text("TO")));
  ARROW_ASSIGN_OR_RAISE(const auto taken, catalog->LoadTable(to));
  if (taken) {
    return MakeError(Fault::kConfig, "there is a table " + to.ToString() + " already",
                     {.state = "nothing was changed", .next = "firn tables"});
  }
  ARROW_RETURN_NOT_OK(catalog->CreateNamespace(to.ns));
  ARROW_RETURN_NOT_OK(RenameBodies(app, *catalog, from, to));
  ARROW_RETURN_NOT_OK(catalog->RenameTable(from, to));
  app.Say(from.ToString() + " is " + to.ToString() + " now; its files stay where they are\n");
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_RETURN_NOT_OK(SayWhatStays(app, *project, from, to));
  app.Next("firn plan");
  return 0;
}

}  // namespace

Command TableRenameCommand() {
  return {.name = "table rename",
          .reads_source = false,
          .group = "Run",
          .summary = "call a table otherwise, or move it to another dataset, with rows, history and position",
          .options = {{.name = "FROM", .kind = Option::Kind::kPositional, .help = "dataset.table", .required = true},
                      {.name = "TO", .kind = Option::Kind::kPositional, .help = "dataset.table", .required = true}},
          .run = Rename};
}

}  // namespace firn::cli
