#include <vector>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/table_choice.h"
#include "pipeline/run_plan.h"

namespace firn::cli {
namespace {

constexpr int kNotDone = 10;  // as `state reset` without --yes

// Leases that runs and backfills of a pipeline take.
std::vector<std::string> LeasesOf(const config::PipelineConfig& pipeline) {
  std::vector<std::string> names = {"pipeline-" + pipeline.name};
  for (const auto& table : pipeline.tables) names.push_back("backfill-" + pipeline::StreamIdOf(pipeline, table));
  return names;
}

std::string TextOf(const std::string& name, const state::LeaseHolder& holder) {
  return name + ": run " + holder.run_id + ", process " + std::to_string(holder.process_id) +
         (holder.host.empty() ? "" : " on " + holder.host) + ", since " + FormatTimestamp(holder.since);
}

Result<int> Unlock(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const config::PipelineConfig* pipeline, ChoosePipeline(*project, arguments.Text("PIPELINE")));
  ARROW_ASSIGN_OR_RAISE(state::Leases * leases, app.Leases());
  int held = 0;
  for (const std::string& name : LeasesOf(*pipeline)) {
    ARROW_ASSIGN_OR_RAISE(const auto holder, leases->Find(name));
    if (!holder) continue;
    ++held;
    if (!arguments.Flag("--yes")) {
      app.Say("would end the lease of " + TextOf(name, *holder) +
              "; if that run lives, it stops before its next commit\nnext  the same with --yes\n");
      continue;
    }
    ARROW_RETURN_NOT_OK(leases->Unlock(name).status());
    app.Say("ended the lease of " + TextOf(name, *holder) + "\n");
  }
  if (held == 0) app.Say("nobody holds " + pipeline->name + "\n");
  return held > 0 && !arguments.Flag("--yes") ? kNotDone : 0;
}

}  // namespace

Command StateUnlockCommand() {
  return {.name = "state unlock",
          .reads_source = false,
          .group = "Run",
          .summary = "end the lease of a run whose machine is dead",
          .options = {{.name = "PIPELINE",
                       .kind = Option::Kind::kPositional,
                       .help = "pipeline whose runs it keeps out",
                       .required = true},
                      {.name = "--yes",
                       .kind = Option::Kind::kFlag,
                       .help = "do it; without it the command says what it would do"}},
          .run = Unlock};
}

}  // namespace firn::cli
