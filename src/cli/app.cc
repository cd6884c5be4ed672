#include "cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <string>
#include <thread>
#include <variant>

#include "base/byte_size.h"
#include "base/redactor.h"
#include "catalog/registry.h"
#include "cli/demo_project.h"
#include "config/diagnostic.h"
#include "io/local_file_store.h"

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
    : arguments_(arguments), clock_(clock), stop_(std::move(stop)), files_(io::MakeLocalFileStore()) {}

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
  ARROW_ASSIGN_OR_RAISE(demo_shop_, StartShopIfDemo("."));
  config::LoadOptions options = config::LoadOptions::FromProcess();
  options.config = arguments_.Text("--config", project_file_);
  options.environment = arguments_.Text("--env");
  if (options.config == "-") options.stdin_text = ReadStdin();
  for (const std::string& item : arguments_.All("--set")) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos) return MakeError(Fault::kConfig, "--set wants path=value, not " + item);
    options.overrides.push_back({.path = item.substr(0, equals), .value = item.substr(equals + 1), .origin = "--set"});
  }
  config::Diagnostics diagnostics;
  auto project = config::LoadProject(options, &diagnostics);
  const std::string text = config::Render(diagnostics, {.color = color()});
  if (!text.empty()) {
    Say(text);
    already_printed_ = !project.ok() && diagnostics.has_errors();
  }
  ARROW_RETURN_NOT_OK(project.status());
  project_ = std::make_unique<config::Project>(std::move(*project));
  return project_.get();
}

Result<catalog::Catalog*> App::Catalog(bool create) {
  if (catalog_ != nullptr) return catalog_.get();
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, Project());
  catalog::CatalogRegistry registry;
  ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
  ARROW_ASSIGN_OR_RAISE(catalog_,
                        registry.Open(project->lake, {.files = *files_, .clock = clock_, .create_if_missing = create}));
  return catalog_.get();
}

Result<io::HttpClient*> App::Http() {
  if (http_ != nullptr) return http_.get();
  io::HttpClientOptions options;
  if (project_ != nullptr) {
    for (const auto& pipeline : project_->pipelines) {
      const auto* rest = std::get_if<config::RestSourceConfig>(&pipeline.source);
      if (rest == nullptr) continue;
      // One client serves all pipelines of a run; these three are per process (docs/reference/configuration.md).
      if (!rest->http.ca_file.empty()) options.ca_file = rest->http.ca_file;
      if (!rest->http.proxy.empty()) options.proxy = rest->http.proxy;
      if (!rest->http.user_agent.empty()) options.user_agent = rest->http.user_agent;
    }
  }
  ARROW_ASSIGN_OR_RAISE(http_, io::MakeHttpClient(std::move(options)));
  return http_.get();
}

Result<state::RunHistory*> App::History() {
  if (history_ != nullptr) return history_.get();
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, Project());
  history_ = state::RunHistory::Make(clock_, {.path = project->state_folder + "/state.db"});
  return history_.get();
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
