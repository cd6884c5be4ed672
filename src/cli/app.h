#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/registry.h"
#include "cli/command.h"
#include "cli/lake_place.h"
#include "config/project.h"
#include "io/conditional_store.h"
#include "io/file_store.h"
#include "io/http_client.h"
#include "io/object_connect.h"
#include "io/routing_file_store.h"
#include "io/s3_library.h"
#include "io/storage_keys.h"
#include "source/registry.h"
#include "state/leases.h"
#include "state/run_history.h"
#include "state/secret_documents.h"

namespace firn::cli {

class DemoShop;

/// What the commands of one process share, opened when first asked for. Used by the main thread.
class App {
 public:
  App(const Arguments& arguments, const Clock& clock, std::stop_token stop);
  ~App();

  /// Takes a project file given as a positional; --config wins. Before Project().
  void SetProjectFile(std::string path) { project_file_ = std::move(path); }
  /// Whether variables that only sources use have to be set. Before Project().
  void ReadsSource(bool reads) { reads_source_ = reads; }
  /// What becomes of tables outside of the lake; kRead says so in a warning, once.
  void Outside(OutsideTables outside) { outside_ = outside; }
  /// What the process and its arguments say of the project, for a command that loads it by itself. With `--config -` it
  /// reads stdin, so it is called once.
  Result<config::LoadOptions> ProjectOptions() const;
  /// Loads the project. Diagnostics (warnings too) go to stderr, once. Errors: kConfig; then everything is printed
  /// already (see already_printed).
  Result<const config::Project*> Project();
  /// The lake's catalog. `create`: make it if it is missing; else a missing lake is an error.
  Result<catalog::Catalog*> Catalog(bool create);
  /// The keys of the lake's storage settings, else of the provider's chain. After Project().
  io::AwsKeySource AwsKeys() { return io::MakeKeySource(project_->lake.storage, s3_, clock_); }
  Result<io::HttpClient*> Http();
  /// Makes stores for files that are read: the lake's where the settings are empty. What it makes must not outlive the
  /// App.
  std::function<std::shared_ptr<io::FileStore>(const io::ObjectStoreSettings&)> OpenFiles();
  /// The kinds of sources of this build.
  const source::SourceRegistry& sources() const { return sources_; }
  Result<state::RunHistory*> History();
  /// Of a state that machines share. After Project() with a state_location.
  Result<io::ConditionalStore*> Documents();
  /// What keeps two runs of a pipeline apart.
  Result<state::Leases*> Leases();
  /// Where exchanged refresh tokens are; null: files in the state folder.
  Result<state::SecretDocuments*> Secrets();
  io::FileStore& files() { return files_; }
  const Clock& clock() const { return clock_; }
  std::stop_token stop() const { return stop_; }
  const Arguments& arguments() const { return arguments_; }
  /// --memory, else the project's limits, else a quarter of the machine's memory between 256 MiB and 2 GiB.
  Result<int64_t> MemoryBytes();
  int threads() const;

  /// The process's log; null before Main gave it. Borrowed.
  log::Session* log() const { return log_; }
  void UseLog(log::Session* log) { log_ = log; }

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
  std::string ProjectFile() const { return arguments_.Text("--config", project_file_); }
  Status ScreenTable(const LakePlace& place, const catalog::TableIdentifier& identifier,
                     const catalog::LoadedTable& loaded);
  catalog::CatalogContext CatalogContext(const config::Project& project, bool create);
  Result<std::unique_ptr<io::FileStore>> OpenVended(const io::ObjectLocation& object,
                                                    const io::ObjectConnectOptions& options,
                                                    const catalog::VendedCredentials& current);
  void ReachObjectStores(io::ObjectStoreSettings settings, std::string lock_folder);
  void Reach(io::RoutingFileStore& files, io::ObjectStoreSettings settings, std::string lock_folder);

  const Arguments& arguments_;
  const Clock& clock_;
  const std::stop_token stop_;
  io::S3Library s3_;  // before the stores made with it
  io::RoutingFileStore files_;
  source::SourceRegistry sources_;
  std::unique_ptr<config::Project> project_;
  std::unique_ptr<io::HttpClient> http_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<io::ConditionalStore> documents_;  // of state_location
  std::unique_ptr<state::SecretDocuments> secrets_;
  std::unique_ptr<state::Leases> leases_;
  std::unique_ptr<state::RunHistory> history_;
  std::unique_ptr<DemoShop> demo_shop_;  // only inside a demo project
  bool reads_source_ = true;
  OutsideTables outside_ = OutsideTables::kRefused;
  std::atomic<bool> outside_said_ = false;
  std::string project_file_;
  log::Session* log_ = nullptr;
  bool already_printed_ = false;
};

}  // namespace firn::cli
