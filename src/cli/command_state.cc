#include "cli/app.h"
#include "cli/commands.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "pipeline/stream_document.h"
#include "source/registry.h"
#include "table/commit/committer.h"
#include "table/commit/stream_state.h"

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
  ARROW_ASSIGN_OR_RAISE(const auto groups, pipeline::PlanGroups(*project, {.select = {name}}));
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
                        target.committer->OpenStreamOn(pipeline::BranchOf(*target.table),
                                                       pipeline::IdentifierOf(*target.pipeline, *target.table),
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

// A position belongs to cursor, key, disposition and address, whose fingerprint it bears. One without is of those that
// the configuration has now.
Result<int> Set(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const Target target, FindTarget(app, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(auto document, pipeline::ParseStreamDocument(arguments.Text("STATE")));
  ARROW_ASSIGN_OR_RAISE(const std::string fingerprint,
                        pipeline::FingerprintOf(app.sources(), *target.pipeline, *target.table));
  if (document.fingerprint.empty()) document.fingerprint = fingerprint;
  if (document.fingerprint != fingerprint) {
    return MakeError(Fault::kConfig, "this position is of another cursor, key, disposition or address",
                     {.code = "E0812",
                      .state = "nothing was changed",
                      .next = "firn state accept " + target.table->name + " --state …   takes it nevertheless"});
  }
  return Force(app, arguments, pipeline::WriteStreamDocument(document), "put the position");
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

// Where a stream stands by what main holds, or by its last commit, wherever that is now.
Result<std::string> AcceptedState(App& app, const catalog::TableIdentifier& identifier, const std::string& stream,
                                  bool keep) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto loaded, catalog->LoadTable(identifier));
  if (!loaded) return MakeError(Fault::kConfig, "there is no table " + identifier.ToString());
  const table::TableMetadata& metadata = *loaded->metadata;
  const std::string key = table::StreamKey(stream);
  table::StreamTokens known;
  if (metadata.current_snapshot_id) known = table::TokensAt(metadata, *metadata.current_snapshot_id);
  const auto unknown = [&](const std::string& why) {
    return MakeError(Fault::kConfig, "the table does not say where " + stream + " stands",
                     {.code = "E0915",
                      .why = why,
                      .state = "nothing was changed",
                      .next = "give the position with --state, or firn state reset"});
  };
  if (keep) {
    const auto mirror = metadata.properties.find(key);
    if (mirror == metadata.properties.end()) return unknown("it never committed to it");
    ARROW_ASSIGN_OR_RAISE(const auto last, table::ParseMirror(mirror->second));
    return table::LoadState(app.files(), last.token);
  }
  if (const auto doubt = known.doubts.find(key); doubt != known.doubts.end()) return unknown(doubt->second);
  const auto token = known.tokens.find(key);
  if (token == known.tokens.end() && known.newest == nullptr && known.ends_at_expired) {
    return unknown("the snapshots with its position have expired");
  }
  if (token == known.tokens.end()) return std::string();  // main is older than its first commit
  ARROW_ASSIGN_OR_RAISE(const auto then, table::ParseToken(token->second));
  return table::LoadState(app.files(), then);
}

// Ends "needs decision": the table as it is now, and the stream goes on from where the person says, by the cursor, key,
// disposition and address that the configuration has now.
Result<int> Accept(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const Target target, FindTarget(app, arguments.Text("TABLE")));
  const bool keep = arguments.Text("--position", "rewind") == "keep";
  std::string state = arguments.Text("--state");
  if (state.empty()) {
    const std::string own = pipeline::StreamIdOf(*target.pipeline, *target.table);
    ARROW_ASSIGN_OR_RAISE(state, AcceptedState(app, pipeline::IdentifierOf(*target.pipeline, *target.table),
                                               arguments.Text("--of", own), keep));
  }
  ARROW_ASSIGN_OR_RAISE(auto document, pipeline::ParseStreamDocument(state));
  ARROW_ASSIGN_OR_RAISE(const std::string fingerprint,
                        pipeline::FingerprintOf(app.sources(), *target.pipeline, *target.table));
  const bool other = !document.fingerprint.empty() && document.fingerprint != fingerprint;
  // What was read of files is known by their bytes, wherever they lie now.
  const bool by_content = source::TypeNameOf(target.pipeline->source) == "files";
  if (other && !by_content && target.table->write_disposition == config::WriteDisposition::kAppend &&
      !arguments.Flag("--accept-duplicates")) {
    return MakeError(
        Fault::kConfig, target.table->name + " appends, and this position is of another configuration",
        {.code = "E0814",
         .why = "a merge does not note which rows stood at its position, so that they would be appended once more",
         .state = "nothing was changed",
         .next = "firn run --select " + target.table->name + " --full-refresh   (or --accept-duplicates)"});
  }
  if (!state.empty()) document.fingerprint = fingerprint;
  const std::string where = pipeline::ShortPosition(document);
  const std::string note = (where.empty() ? "" : " (" + where + ")") +
                           std::string(other ? ", which was one of another cursor, key, disposition or address," : "");
  return Force(
      app, arguments, state.empty() ? state : pipeline::WriteStreamDocument(document),
      (keep ? "accept the table as it is, and keep the position" : "accept the table as it is, and put the position") +
          note);
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
  return {
      .name = "state accept",
      .group = "Run",
      .summary = "go on after a table was renamed, or rolled back by somebody else",
      .options = {kTable,
                  {.name = "--position",
                   .help = "rewind: where main's newest firn commit stands; keep: where the last commit stood",
                   .choices = {"rewind", "keep"}},
                  {.name = "--state", .help = "position to go on from (JSON) instead"},
                  {.name = "--of",
                   .help = "take the position of another stream of the table: PIPELINE/TABLE before it was renamed"},
                  {.name = "--accept-duplicates", .kind = Option::Kind::kFlag, .help = "also for tables that append"},
                  kYes},
      .run = Accept};
}

}  // namespace firn::cli
