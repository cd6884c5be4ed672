#include "cli/run_setup.h"

#include <arrow/memory_pool.h>

#include <utility>

#include "cli/app.h"
#include "pipeline/run.h"

namespace firn::cli {

Result<std::unique_ptr<RunSetup>> RunSetup::Open(App& app, const config::Project& project, catalog::Catalog& catalog,
                                                 pipeline::RunOptions options) {
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
  options.threads = app.threads();
  std::unique_ptr<RunSetup> setup(new RunSetup(app, project, catalog, *http, memory_bytes, std::move(options)));
  if (project.state_location.empty()) return setup;  // locks and secrets in its state folder
  ARROW_ASSIGN_OR_RAISE(setup->context_.leases, app.Leases());
  ARROW_ASSIGN_OR_RAISE(setup->context_.secrets, app.Secrets());
  ARROW_ASSIGN_OR_RAISE(setup->context_.documents, app.Documents());
  return setup;
}

RunSetup::RunSetup(App& app, const config::Project& project, catalog::Catalog& catalog, io::HttpClient& http,
                   int64_t memory_bytes, pipeline::RunOptions options)
    : budget_(memory_bytes),
      pool_(budget_, *arrow::default_memory_pool()),
      committer_(table::Committer::Make(catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION})),
      context_{.project = project,
               .clock = app.clock(),
               .sources = app.sources(),
               .files = app.files(),
               .catalog = catalog,
               .committer = *committer_,
               .http = http,
               .history = nullptr,
               .budget = budget_,
               .pool = &pool_,
               .progress = progress_,
               .options = std::move(options),
               .run_id = pipeline::NewRunId(app.clock()),
               .loaded_at = app.clock().LogicalNow(),
               .open_files = app.OpenFiles()} {}

}  // namespace firn::cli
