#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "config/project.h"
#include "io/file_store.h"
#include "io/http_client.h"
#include "state/run_history.h"

namespace firn::cli {

class DemoShop;

/// What the commands of one process share, opened when first asked for. Used by the main thread.
class App {
 public:
  App(const Arguments& arguments, const Clock& clock, std::stop_token stop);
  ~App();

  /// Takes a project file given as a positional; --config wins. Before Project().
  void SetProjectFile(std::string path) { project_file_ = std::move(path); }
  /// Loads the project. Diagnostics (warnings too) go to stderr, once. Errors: kConfig; then everything is printed
  /// already (see already_printed).
  Result<const config::Project*> Project();
  /// The lake's catalog. `create`: make it if it is missing; else a missing lake is an error.
  Result<catalog::Catalog*> Catalog(bool create);
  Result<io::HttpClient*> Http();
  Result<state::RunHistory*> History();
  io::FileStore& files() { return *files_; }
  const Clock& clock() const { return clock_; }
  std::stop_token stop() const { return stop_; }
  const Arguments& arguments() const { return arguments_; }
  /// --memory, else the project's limits, else a quarter of the machine's memory between 256 MiB and 2 GiB.
  Result<int64_t> MemoryBytes();
  int threads() const;

  bool quiet() const { return arguments_.Flag("--quiet"); }
  bool stderr_is_terminal() const;
  bool color() const;
  /// True if the error's text is on stderr already.
  bool already_printed() const { return already_printed_; }

  /// Writes data to stdout. Errors: kCancelled when the reader closed the pipe.
  Status Print(std::string_view data);
  /// Writes talk to stderr, redacted.
  void Say(std::string_view text);
  /// Says a hint line ("next  firn sql …") unless --quiet.
  void Next(std::string_view command);

 private:
  const Arguments& arguments_;
  const Clock& clock_;
  const std::stop_token stop_;
  std::unique_ptr<io::FileStore> files_;
  std::unique_ptr<config::Project> project_;
  std::unique_ptr<io::HttpClient> http_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<state::RunHistory> history_;
  std::unique_ptr<DemoShop> demo_shop_;  // only inside a demo project
  std::string project_file_;
  bool already_printed_ = false;
};

}  // namespace firn::cli
