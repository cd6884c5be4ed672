#pragma once

#include <cstdint>
#include <memory>

#include "base/memory_budget.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "config/project.h"
#include "pipeline/progress.h"
#include "pipeline/run_context.h"
#include "table/commit/committer.h"

namespace firn::cli {

class App;

/// What a command gives to a run: its memory budget, its committer, its progress, and the context that refers to them.
/// At one place in memory for its whole life.
class RunSetup {
 public:
  /// `project`, `catalog` and what the app shares are borrowed for the life of the setup. The context has a run id of
  /// its own and the app's threads and keeps no history and no log file; a command that keeps them says so in it.
  /// Errors: of the app's HTTP client and memory size.
  static Result<std::unique_ptr<RunSetup>> Open(App& app, const config::Project& project, catalog::Catalog& catalog,
                                                pipeline::RunOptions options);

  RunSetup(const RunSetup&) = delete;
  RunSetup& operator=(const RunSetup&) = delete;
  pipeline::RunContext& context() { return context_; }

 private:
  RunSetup(App& app, const config::Project& project, catalog::Catalog& catalog, io::HttpClient& http,
           int64_t memory_bytes, pipeline::RunOptions options);

  MemoryBudget budget_;
  BudgetedMemoryPool pool_;
  std::unique_ptr<table::Committer> committer_;
  pipeline::RunProgress progress_;
  pipeline::RunContext context_;
};

}  // namespace firn::cli
