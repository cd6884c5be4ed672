#include <filesystem>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/recording.h"
#include "io/json_layout.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;

// A lake of a replay is a new one: rows of tapes are no rows of the source.
Result<std::string> NewLake(const std::string& path) {
  const fs::path folder = fs::absolute(path).lexically_normal();
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return MakeError(Fault::kConfig, folder.string() + " is not empty",
                     {.code = "E0746", .state = "nothing was written", .next = "firn replay NAME --into OTHER"});
  }
  fs::create_directories(folder, error);
  if (error) return MakeError(Fault::kConfig, folder.string() + ": " + error.message(), {.code = "E0746"});
  return folder.string();
}

Result<int> Replay(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const fs::path tests, TestsFolder(app));
  ARROW_ASSIGN_OR_RAISE(const auto test, pipeline::ReadTest(TestFolderOf(tests, arguments.Text("NAME"))));
  std::string lake;
  if (const auto into = arguments.Given("--into")) {
    ARROW_ASSIGN_OR_RAISE(lake, NewLake(*into));
  }
  ARROW_ASSIGN_OR_RAISE(const auto tables, ReplayTest(app, test, std::nullopt, lake));
  if (!lake.empty()) {
    app.Say("replayed into " + lake + ": " + CountsOf(tables) + "\n");
    return 0;
  }
  for (const auto& table : tables) {
    for (const std::string& row : table.rows) {
      ARROW_RETURN_NOT_OK(app.Print("{\"table\":" + io::JsonString(table.name) + ",\"row\":" + row + "}\n"));
    }
  }
  return 0;
}

}  // namespace

Command ReplayCommand() {
  return {
      .name = "replay",
      .group = "Test",
      .summary = "run a pipeline on the tape of a test, offline, and show its rows",
      .options = {{.name = "NAME", .kind = Option::Kind::kPositional, .help = "test of the project", .required = true},
                  {.name = "--into", .help = "new folder for a lake with the tables, instead of printing the rows"}},
      .run = Replay};
}

}  // namespace firn::cli
