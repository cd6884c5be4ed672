#include "cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <string>
#include <thread>

#include "base/backoff.h"
#include "base/byte_size.h"
#include "base/redactor.h"
#include "catalog/checked_catalog.h"
#include "catalog/registry.h"
#include "catalog/screened_catalog.h"
#include "cli/demo_project.h"
#include "cli/overrides.h"
#include "config/diagnostic.h"
#include "connector/airbyte/declaration.h"
#include "io/local_file_store.h"
#include "io/object_connect.h"
#include "io/renewing_store.h"
#include "source/builtin.h"

namespace firn::cli {
namespace {

constexpr int64_t kMemoryBytesMin = int64_t{256} << 20;
constexpr int64_t kMemoryBytesDefaultMax = int64_t{2} << 30;

bool WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string ReadStdin() {
  std::string text;
  char block[1 << 16];
  for (ssize_t got = ::read(STDIN_FILENO, block, sizeof block); got > 0;
       got = ::read(STDIN_FILENO, block, sizeof block)) {
    text.append(block, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace

App::App(const Arguments& arguments, const Clock& clock, std::stop_token stop)
    : arguments_(arguments), clock_(clock), stop_(std::move(stop)), files_(io::MakeLocalFileStore()) {
  FIRN_CHECK(source::RegisterBuiltinSources(sources_, stop_).ok());
  ReachObjectStores({}, "");  // for what is named on the command line without a project
}

App::~App() = default;

bool App::stderr_is_terminal() const {
  return ::isatty(STDERR_FILENO) != 0 && std::getenv("CI") == nullptr;
}

bool App::color() const {
  const std::string choice = arguments_.Text("--color", "auto");
  if (choice != "auto") return choice == "always";
  return stderr_is_terminal() && std::getenv("NO_COLOR") == nullptr;
}

int App::threads() const {
  const auto given = arguments_.Integer("--threads");
  if (given) return static_cast<int>(std::clamp<int64_t>(*given, 1, 256));
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
}

Result<int64_t> App::MemoryBytes() {
  if (const auto given = arguments_.Given("--memory")) return ParseByteSize(*given);
  if (project_ != nullptr && project_->limits.memory_bytes) return *project_->limits.memory_bytes;
  const int64_t machine = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE);
  return std::clamp(machine / 4, kMemoryBytesMin, kMemoryBytesDefaultMax);
}

Result<const config::Project*> App::Project() {
  if (project_ != nullptr) return project_.get();
  ARROW_ASSIGN_OR_RAISE(demo_shop_, StartShopIfDemo(ProjectFile()));  // sets a variable: before the environment is read
  ARROW_ASSIGN_OR_RAISE(config::LoadOptions options, ProjectOptions());
  options.resolve_sources = reads_source_;
  config::Diagnostics diagnostics;
  auto project = config::LoadProject(options, &diagnostics);
  const std::string text = config::Render(diagnostics, {.color = color()});
  if (!text.empty()) {
    Say(text);
    already_printed_ = !project.ok() && diagnostics.has_errors();
  }
  ARROW_RETURN_NOT_OK(project.status());
  project_ = std::make_unique<config::Project>(std::move(*project));
  ReachObjectStores(project_->lake.storage, project_->state_folder + "/locks/staging");
  return project_.get();
}

Result<config::LoadOptions> App::ProjectOptions() const {
  config::LoadOptions options = config::LoadOptions::FromProcess();
  options.config = ProjectFile();
  options.connector_declaration = connector::airbyte::DeclarationAt;
  options.environment = arguments_.Text("--env");
  if (options.config == "-") options.stdin_text = ReadStdin();
  ARROW_ASSIGN_OR_RAISE(options.overrides, OverridesOf(arguments_));
  return options;
}

void App::ReachObjectStores(io::ObjectStoreSettings settings, std::string lock_folder) {
  Reach(files_, std::move(settings), std::move(lock_folder));
}

std::function<std::shared_ptr<io::FileStore>(const io::ObjectStoreSettings&)> App::OpenFiles() {
  return [this](const io::ObjectStoreSettings& settings) {
    if (settings == io::ObjectStoreSettings()) return std::shared_ptr<io::FileStore>(std::shared_ptr<void>(), &files_);
    auto files = std::make_shared<io::RoutingFileStore>(io::MakeLocalFileStore());
    Reach(*files, settings, "");
    return std::shared_ptr<io::FileStore>(std::move(files));
  };
}

void App::Reach(io::RoutingFileStore& files, io::ObjectStoreSettings settings, std::string lock_folder) {
  io::ObjectConnectOptions options{.settings = std::move(settings), .lock_folder = std::move(lock_folder)};
  options.retries.sleep_scale = SleepScale();
  files.UseOpener([this, options = std::move(options)](const io::ObjectLocation& location) {
    return io::ConnectObjectStore(location, options, s3_, clock_);
  });
}

Result<catalog::Catalog*> App::Catalog(bool create) {
  if (catalog_ != nullptr) return catalog_.get();
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, Project());
  catalog::CatalogRegistry registry;
  ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
  ARROW_ASSIGN_OR_RAISE(catalog_, registry.Open(project->lake, CatalogContext(*project, create)));
  if (!project->state_location.empty()) {  // leases that can be lost
    catalog_ = catalog::MakeCheckedCatalog(std::move(catalog_),
                                           [this] { return leases_ == nullptr ? Status::OK() : leases_->Check(); });
  }
  if (auto place = LakePlace::Of(project->lake)) {
    catalog_ = catalog::MakeScreenedCatalog(
        std::move(catalog_), [this, place = *std::move(place)](const catalog::TableIdentifier& identifier,
                                                               const catalog::LoadedTable& loaded) {
          return ScreenTable(place, identifier, loaded);
        });
  }
  return catalog_.get();
}

Status App::ScreenTable(const LakePlace& place, const catalog::TableIdentifier& identifier,
                        const catalog::LoadedTable& loaded) {
  if (outside_ == OutsideTables::kAdopted || !place.IsOutside(*loaded.metadata)) return Status::OK();
  const Status refusal = place.Refusal(identifier, loaded.metadata->location);
  if (outside_ == OutsideTables::kRefused) return refusal;
  if (!outside_said_.exchange(true)) {
    Say("warning: " + refusal.message() + "\nnext  firn lake relocate --dry-run\n");
  }
  return Status::OK();
}

catalog::CatalogContext App::CatalogContext(const config::Project& project, bool create) {
  const io::ObjectStoreSettings& storage = project.lake.storage;
  catalog::CatalogContext context{.files = files_,
                                  .clock = clock_,
                                  .create_if_missing = create,
                                  .aws_keys = io::MakeKeySource(storage, s3_, clock_)};
  const bool own = !storage.access_key.empty() || !storage.role_arn.empty() || storage.anonymous;
  if (own || !project.lake.catalog.rest.vended_credentials) return context;
  io::ObjectConnectOptions options{.settings = storage, .lock_folder = project.state_folder + "/locks/staging"};
  options.retries.sleep_scale = SleepScale();
  context.offer_credentials = [this, options](const std::string& location, const catalog::VendedCredentials& current) {
    files_.UseOpenerBelow(location, [this, options, current](const io::ObjectLocation& object) {
      return OpenVended(object, options, current);
    });
  };
  return context;
}

// The catalog may name the store's address; what lake.storage says of it goes before.
Result<std::unique_ptr<io::FileStore>> App::OpenVended(const io::ObjectLocation& object,
                                                       const io::ObjectConnectOptions& options,
                                                       const catalog::VendedCredentials& current) {
  return io::MakeRenewingStore(
      [this, object, options, current]() -> Result<io::OpenedStore> {
        ARROW_ASSIGN_OR_RAISE(const catalog::StoreCredentials vended, current());
        io::ObjectConnectOptions with_keys = options;
        io::ObjectStoreSettings& settings = with_keys.settings;
        const bool at_home = !settings.endpoint.empty();
        settings.access_key = vended.settings.access_key;
        settings.secret_key = vended.settings.secret_key;
        settings.session_token = vended.settings.session_token;
        if (settings.region.empty()) settings.region = vended.settings.region;
        if (!at_home) settings.endpoint = vended.settings.endpoint;
        if (!at_home && !vended.settings.path_style.empty()) settings.path_style = vended.settings.path_style;
        ARROW_ASSIGN_OR_RAISE(auto store, io::ConnectObjectStore(object, std::move(with_keys), s3_, clock_));
        return io::OpenedStore{.store = std::move(store), .expires_ms = vended.expires_ms};
      },
      clock_);
}

Result<io::HttpClient*> App::Http() {
  if (http_ != nullptr) return http_.get();
  io::HttpClientOptions options;
  if (project_ != nullptr) {
    for (const auto& pipeline : project_->pipelines) {
      // One client serves all pipelines of a run (docs/reference/configuration.md).
      ARROW_ASSIGN_OR_RAISE(const source::SourceType* type, sources_.TypeOf(pipeline));
      if (type->adapt_http != nullptr) type->adapt_http(pipeline, &options);
    }
  }
  ARROW_ASSIGN_OR_RAISE(http_, io::MakeHttpClient(std::move(options)));
  return http_.get();
}

Result<state::RunHistory*> App::History() {
  if (history_ != nullptr) return history_.get();
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, Project());
  if (project->state_location.empty()) {
    history_ = state::RunHistory::Make(clock_, {.path = project->state_folder + "/state.db"});
    return history_.get();
  }
  ARROW_ASSIGN_OR_RAISE(io::ConditionalStore * documents, Documents());
  ARROW_ASSIGN_OR_RAISE(state::Leases * leases, Leases());
  history_ = state::RunHistory::MakeStored(
      clock_, {.files = files_, .documents = *documents, .leases = *leases, .location = project->state_location});
  return history_.get();
}

Result<io::ConditionalStore*> App::Documents() {
  if (documents_ != nullptr) return documents_.get();
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, Project());
  if (!io::IsObjectLocation(project->state_location)) {
    documents_ = io::MakeLocalConditionalStore();
    return documents_.get();
  }
  ARROW_ASSIGN_OR_RAISE(const io::ObjectLocation location, io::ParseObjectLocation(project->state_location));
  io::ObjectConnectOptions options{.settings = project->lake.storage};
  options.retries.sleep_scale = SleepScale();
  ARROW_ASSIGN_OR_RAISE(documents_, io::ConnectConditionalStore(location, options, s3_, clock_));
  return documents_.get();
}

Result<state::Leases*> App::Leases() {
  if (leases_ != nullptr) return leases_.get();
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, Project());
  if (project->state_location.empty()) {
    leases_ = state::MakeLocalLeases(clock_, project->state_folder + "/locks");
    return leases_.get();
  }
  ARROW_ASSIGN_OR_RAISE(io::ConditionalStore * documents, Documents());
  state::StoredLeasesOptions options{.folder = project->state_location + "/leases"};
  if (const char* seconds = std::getenv("FIRN_LEASE_SECONDS")) {
    options.lifetime = std::chrono::seconds(std::clamp(std::atoi(seconds), 3, 3'600));
    options.margin = options.lifetime / 4;
  }
  leases_ = state::MakeStoredLeases(clock_, *documents, files_, std::move(options));
  return leases_.get();
}

Result<state::SecretDocuments*> App::Secrets() {
  if (secrets_ != nullptr) return secrets_.get();
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, Project());
  if (project->state_location.empty()) return nullptr;
  ARROW_ASSIGN_OR_RAISE(io::ConditionalStore * documents, Documents());
  secrets_ = std::make_unique<state::SecretDocuments>(*documents, project->state_location + "/secrets");
  return secrets_.get();
}

Status App::Print(std::string_view data) {
  if (WriteAll(STDOUT_FILENO, data)) return Status::OK();
  return MakeError(Fault::kCancelled, "stdout was closed");
}

void App::Say(std::string_view text) {
  WriteAll(STDERR_FILENO, ProcessRedactor().Redact(text));
}

void App::Next(std::string_view command) {
  if (!quiet()) Say("next  " + std::string(command) + "\n");
}

}  // namespace firn::cli
