#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/demo_project.h"
#include "cli/run_command.h"

namespace firn::cli {
namespace {

constexpr char kQuery[] =
    "select status, count(*) as orders, sum(total) as total from shop.orders group by 1 order by 2 desc";

Result<int> RunOnce(App& app, int number, const std::string& what) {
  app.Say("\nrun " + std::to_string(number) + what + "\n");
  RunRequest request;
  request.options.command = "demo";
  request.show_next = false;
  return RunTables(app, std::move(request));
}

// How this binary is called from a shell: its name where the search path leads to it, else its path.
std::string OwnName() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "firn";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!std::filesystem::exists(folder + "/firn", error)) continue;
    return std::filesystem::equivalent(folder + "/firn", self, error) ? "firn" : self.string();
  }
  return self.string();
}

// A command of its own, as the user would type it.
Result<int> Query(const Arguments& arguments, App& app, const std::string& folder) {
  app.Say("\n$ cd " + folder + "\n$ " + OwnName() + " sql \"" + kQuery + "\"\n");
  Arguments sql = arguments;
  sql.Add("QUERY", {kQuery});
  return SqlCommand().run(app, sql);
}

Result<int> Demo(App& app, const Arguments& arguments) {
  const std::string folder = arguments.Text("--dir", "firn-demo");
  std::error_code error;
  if (arguments.Flag("--fresh") && std::filesystem::exists(folder + "/" + kDemoMarker)) {
    std::filesystem::remove_all(folder, error);
  }
  ARROW_RETURN_NOT_OK(WriteDemoProject(folder));
  ARROW_ASSIGN_OR_RAISE(auto shop, DemoShop::Start({.generation = 1}));
  ::setenv(kDemoUrlVariable, shop->url().c_str(), 1);
  std::filesystem::current_path(folder, error);
  if (error) return MakeError(Fault::kConfig, folder + ": " + error.message());
  app.Say("demo shop API on " + shop->url() + " (inside this process): pages, 429s, 500s, dropped connections\n" +
          "project " + std::filesystem::current_path().string() + "/firn.yaml\n");
  ARROW_ASSIGN_OR_RAISE(const int first, RunOnce(app, 1, ""));
  if (first != 0) return first;
  shop->SetGeneration(2);
  ARROW_ASSIGN_OR_RAISE(const int second,
                        RunOnce(app, 2, "  (the shop changed meanwhile: new and edited orders, a new field `coupon`)"));
  if (second != 0) return second;
  ARROW_ASSIGN_OR_RAISE(const int query, Query(arguments, app, folder));
  app.Next("cd " + folder + " && " + OwnName() + " run     (the demo API starts by itself)     undo: rm -r " + folder);
  return query;
}

}  // namespace

Command DemoCommand() {
  return {.name = "demo",
          .group = "Start",
          .summary = "a flaky invented API into Iceberg tables and back as SQL, offline",
          .options = {{.name = "--dir", .help = "where the demo project goes (firn-demo)"},
                      {.name = "--fresh", .kind = Option::Kind::kFlag, .help = "begin anew if the folder exists"}},
          .run = Demo};
}

}  // namespace firn::cli
