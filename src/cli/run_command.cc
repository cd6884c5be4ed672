#include "cli/run_command.h"

#include <arrow/memory_pool.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "cli/app.h"
#include "cli/error_text.h"
#include "cli/progress_view.h"
#include "pipeline/progress.h"
#include "pipeline/run.h"
#include "table/commit/committer.h"

namespace firn::cli {
namespace {

void KeepResult(const config::Project& project, const pipeline::RunResult& result) {
  const std::filesystem::path folder = std::filesystem::path(project.state_folder) / "runs" / result.run_id;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::ofstream file(folder / "result.json");
  file << pipeline::ToJson(result) << "\n";
  if (!file) log::Warn("result not kept", {{"folder", folder.string()}});
}

std::string Counts(const pipeline::TableResult& table) {
  std::string text = std::to_string(table.rows.read) + " read";
  const auto add = [&](int64_t count, const char* word) {
    if (count != 0) text += ", " + std::to_string(count) + " " + word;
  };
  add(table.rows.appended, "appended");
  add(table.rows.inserted, "inserted");
  add(table.rows.updated, "updated");
  add(table.rows.deleted, "deleted");
  add(table.rows.skipped, "read before");
  add(table.rows.duplicates, "superseded");
  add(table.rows.quarantined, "quarantined");
  return text;
}

void SaySummary(App& app, const pipeline::RunResult& result) {
  size_t width = 12;
  for (const auto& table : result.tables) width = std::max(width, table.identifier.size());
  int64_t rows = 0, requests = 0, throttled = 0, retries = 0, quarantined = 0;
  for (const auto& table : result.tables) {
    std::string line = "  " + table.identifier + std::string(width - table.identifier.size() + 2, ' ');
    if (table.state == pipeline::TableState::kCompleted) {
      line += Counts(table);
      line += table.snapshot_id ? "   snapshot " + std::to_string(*table.snapshot_id) : "   nothing new";
    } else {
      line += (table.state == pipeline::TableState::kFailed ? "FAILED   " : "stopped   ") + Counts(table);
    }
    for (const std::string& change : table.schema_changes) line += "   " + change;
    app.Say(line + "\n");
    for (const std::string& warning : table.warnings) app.Say("  ! " + table.identifier + ": " + warning + "\n");
    rows += table.rows.read;
    requests += table.requests.num_requests;
    throttled += table.requests.num_throttled;
    retries += table.requests.num_retries;
    quarantined += table.rows.quarantined;
  }
  for (const auto& table : result.tables) {
    if (table.state == pipeline::TableState::kFailed) app.Say(ErrorText(Within(table.identifier, table.error)));
  }
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f",
                static_cast<double>(result.finished.micros - result.started.micros) / 1e6);
  app.Say(result.StateName() + " in " + seconds + " s · " + std::to_string(rows) + " rows · " +
          std::to_string(requests) + " requests, " + std::to_string(throttled) + " × 429, " + std::to_string(retries) +
          " retried · " + std::to_string(quarantined) + " quarantined · lake " + result.lake + "\n");
}

void SayNext(App& app, const pipeline::RunResult& result) {
  if (result.CountOf(pipeline::TableState::kFailed) > 0) return app.Next("firn retry");
  if (result.CountOf(pipeline::TableState::kCancelled) > 0) return app.Next("firn run");
  if (!result.tables.empty()) app.Next("firn sql \"from " + result.tables.front().identifier + " limit 5\"");
}

}  // namespace

Result<pipeline::RunResult> RunTablesForResult(App& app, const RunRequest& request) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  if (project->pipelines.empty()) {
    return MakeError(Fault::kConfig, "there is no pipeline here, so there is nothing to run",
                     {.state = "nothing was created", .next = "firn init URL, or run in a project's folder"});
  }
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/true));
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
  MemoryBudget budget(memory_bytes);
  BudgetedMemoryPool pool(budget, *arrow::default_memory_pool());
  const auto committer = table::Committer::Make(*catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION});
  pipeline::RunProgress progress;
  pipeline::RunContext context{.project = *project,
                               .clock = app.clock(),
                               .files = app.files(),
                               .catalog = *catalog,
                               .committer = *committer,
                               .http = *http,
                               .history = history,
                               .budget = budget,
                               .pool = &pool,
                               .progress = progress,
                               .options = request.options,
                               .run_id = pipeline::NewRunId(app.clock()),
                               .loaded_at = app.clock().LogicalNow()};
  context.options.threads = app.threads();
  ProgressView view(app, progress, context.run_id, request.json_stream);
  auto result = pipeline::RunProject(context, app.stop());
  view.Finish();
  if (result.ok()) KeepResult(*project, *result);
  return result;
}

Result<int> RunTables(App& app, RunRequest request) {
  ARROW_ASSIGN_OR_RAISE(const pipeline::RunResult result, RunTablesForResult(app, request));
  if (!app.quiet()) SaySummary(app, result);
  if (request.json) ARROW_RETURN_NOT_OK(app.Print(pipeline::ToJson(result) + "\n"));
  if (request.json_stream)
    ARROW_RETURN_NOT_OK(app.Print("{\"type\":\"result\",\"result\":" + pipeline::ToJson(result) + "}\n"));
  if (request.show_next) SayNext(app, result);
  const int code = result.ExitCode();
  return code == 3 && request.partial_ok ? 0 : code;
}

}  // namespace firn::cli
