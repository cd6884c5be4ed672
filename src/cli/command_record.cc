#include "cli/app.h"
#include "cli/commands.h"
#include "cli/recording.h"

namespace firn::cli {
namespace {

Result<int> Record(App& app, const Arguments& arguments) {
  const int64_t pages_max = arguments.Integer("--max-pages").value_or(pipeline::kTestPagesDefault);
  if (pages_max < 1) return MakeError(Fault::kConfig, "--max-pages wants a number from 1 on");
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(auto targets, RecordTargets(*project, arguments.All("NAME"), arguments.All("--select")));
  if (const auto to = arguments.Given("--to")) {
    if (targets.size() != 1) {
      return MakeError(Fault::kConfig, "--to names one folder, and this records " + std::to_string(targets.size()),
                       {.state = "nothing was recorded", .next = "firn record TABLE --to " + *to});
    }
    targets.front().folder = std::filesystem::absolute(*to).lexically_normal();
  }
  for (const RecordTarget& target : targets) {
    ARROW_ASSIGN_OR_RAISE(
        const auto tables,
        RecordTest(
            app, *project,
            {.pipeline = *target.pipeline, .tables = target.tables, .folder = target.folder, .pages_max = pages_max}));
    app.Say("recorded " + target.folder.string() + ": " + CountsOf(tables) + "\n");
  }
  if (targets.empty()) app.Say("no pipeline of this project reads an API: nothing was recorded\n");
  if (targets.empty()) return 0;
  const auto to = arguments.Given("--to");
  const std::string name = targets.front().folder.filename().string();
  app.Next("firn replay " + (!to ? name : to->find('/') == std::string::npos ? "./" + *to : *to));
  return 0;
}

}  // namespace

Command RecordCommand() {
  return {.name = "record",
          .group = "Test",
          .summary = "keep what an API asks and answers as a test, without secrets and personal data",
          .options = {{.name = "NAME",
                       .kind = Option::Kind::kPositionals,
                       .help = "tables or pipelines, a test for each; none: every pipeline that reads an API"},
                      {.name = "--select",
                       .kind = Option::Kind::kList,
                       .help = "tables or pipelines, as run takes them; one test for each pipeline"},
                      {.name = "--max-pages",
                       .kind = Option::Kind::kInteger,
                       .help = "pages of each chain of requests (default 3)"},
                      {.name = "--to", .help = "folder of the test (default tests/NAME)"}},
          .run = Record};
}

}  // namespace firn::cli
