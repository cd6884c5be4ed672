#include "cli/run_command.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "cli/app.h"
#include "cli/error_text.h"
#include "cli/kept_result.h"
#include "cli/progress_view.h"
#include "cli/run_setup.h"
#include "pipeline/alerts.h"
#include "pipeline/lineage.h"
#include "pipeline/metrics_text.h"
#include "pipeline/run.h"

namespace firn::cli {
namespace {

std::string Counts(const pipeline::TableResult& table) {
  std::string text = std::to_string(table.rows.read) + " read";
  const auto add = [&](int64_t count, const char* word) {
    if (count != 0) text += ", " + std::to_string(count) + " " + word;
  };
  add(table.rows.appended, "appended");
  add(table.rows.inserted, "inserted");
  add(table.rows.updated, "updated");
  add(table.rows.deleted, "deleted");
  add(table.rows.skipped, "known before");
  add(table.rows.duplicates, "superseded");
  add(table.rows.quarantined, "quarantined");
  return text;
}

void SayWatched(App& app, const pipeline::TableResult& table) {
  for (const auto& finding : table.findings) {
    app.Say("  ! " + table.identifier + ": " + finding.code + " " + finding.text + "\n");
  }
  for (const auto& alert : table.alerts) {
    if (alert.error.empty()) continue;
    app.Say("  ! " + table.identifier + ": the " + alert.by + " of `on." + alert.event +
            "` was not delivered: " + alert.error + "\n");
  }
}

constexpr uintmax_t kMetricsBytesMax = 16 << 20;  // a larger file is none of ours

// Monitors read the file at any time, and counters go on from what it holds.
template <typename... What>
void WriteMetrics(App& app, const std::string& path, const What&... what) {
  if (path.empty()) return;
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).string();
  const auto size = std::filesystem::file_size(absolute, error);
  std::ifstream before(absolute);
  std::string text;
  if (!error && size <= kMetricsBytesMax) text.assign(std::istreambuf_iterator<char>(before), {});
  const Status written = app.files().WriteAtomic(absolute, pipeline::MetricsText(text, what...));
  if (!written.ok()) app.Say("!  the metrics are not written: " + written.message() + "\n");
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
    if (const auto& found = table.requests.records_found; !found.empty()) line += "   records " + found + " (auto)";
    for (const std::string& change : table.schema_changes) line += "   " + change;
    app.Say(line + "\n");
    for (const std::string& warning : table.warnings) app.Say("  ! " + table.identifier + ": " + warning + "\n");
    SayWatched(app, table);
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

Status PrintResult(App& app, const RunRequest& request, const std::string& json) {
  if (request.json) ARROW_RETURN_NOT_OK(app.Print(json + "\n"));
  return request.json_stream ? app.Print("{\"type\":\"result\",\"result\":" + json + "}\n") : Status::OK();
}

Result<pipeline::RunResult> TryRun(App& app, const config::Project* project, const RunRequest& request) {
  if (project->pipelines.empty()) {
    return MakeError(Fault::kConfig, "there is no pipeline here, so there is nothing to run",
                     {.state = "nothing was created", .next = "firn init URL, or run in a project's folder"});
  }
  ARROW_ASSIGN_OR_RAISE(auto lineage, pipeline::ReadLineageSettings(config::LoadOptions::FromProcess().env));
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/true));
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(const auto setup, RunSetup::Open(app, *project, *catalog, request.options));
  pipeline::RunContext& context = setup->context();
  context.options.tunes = true;
  context.history = history;
  context.log = app.log();
  pipeline::LineageEmitter emitter(lineage, *project, context.http, app.clock());
  if (lineage.enabled()) context.lineage = &emitter;
  ARROW_RETURN_NOT_OK(pipeline::FillStates(history, project->lake.warehouse, &context.options.selection));
  ProgressView view(app, context.progress, context.run_id, request.json_stream);
  auto result = pipeline::RunProject(context, app.stop());
  view.Finish();
  if (result.ok()) KeepResult(*project, *history, *result);
  return result;
}

// Neither somebody's mistake at the keyboard nor a run that is at work already.
bool IsWorthAnAlert(const Status& error) {
  const ErrorContext* context = ContextOf(error);
  const bool mistyped = context != nullptr && context->code == "E0230";
  return FaultOf(error) != Fault::kBusy && FaultOf(error) != Fault::kCancelled && !mistyped;
}

}  // namespace

Result<pipeline::RunResult> RunTablesForResult(App& app, const RunRequest& request) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  auto result = TryRun(app, project, request);
  if (result.ok() || !IsWorthAnAlert(result.status())) return result;
  const auto http = app.Http();
  if (http.ok()) {
    pipeline::SendRunFailure({.project = *project, .http = **http, .clock = app.clock()}, result.status());
  }
  return result;
}

Result<int> RunTables(App& app, RunRequest request) {
  auto tried = RunTablesForResult(app, request);
  if (!tried.ok()) {
    WriteMetrics(app, request.metrics_file, tried.status(), app.clock().Now());
    ARROW_RETURN_NOT_OK(PrintResult(app, request, pipeline::ToJson(tried.status())));
    return tried.status();
  }
  const pipeline::RunResult& result = *tried;
  WriteMetrics(app, request.metrics_file, result);
  if (!app.quiet()) SaySummary(app, result);
  ARROW_RETURN_NOT_OK(PrintResult(app, request, pipeline::ToJson(result)));
  if (request.show_next) SayNext(app, result);
  const int code = result.ExitCode();
  return code == 3 && request.partial_ok ? 0 : code;
}

}  // namespace firn::cli
