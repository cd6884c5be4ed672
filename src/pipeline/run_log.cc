#include "pipeline/run_log.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/log.h"

namespace firn::pipeline {
namespace {

namespace fs = std::filesystem;

// Run ids sort by time.
void RemoveOldLogs(const fs::path& runs, const std::string& current) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator at(runs, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename() != current) folders.push_back(at->path());
  }
  if (folders.size() < RunLog::kRunLogsKept) return;
  std::sort(folders.begin(), folders.end());
  folders.resize(folders.size() - (RunLog::kRunLogsKept - 1));
  for (const fs::path& folder : folders) {
    const std::string log = (folder / "log.jsonl").string();
    fs::remove(log, error);
    for (int number = 1; number <= log::kLogFilesKept; ++number) fs::remove(log::RotatedName(log, number), error);
  }
}

}  // namespace

std::string RunLog::PathOf(const config::Project& project, const std::string& run_id) {
  return project.state_folder + "/runs/" + run_id + "/log.jsonl";
}

RunLog::RunLog(const RunContext& context) : context_(context) {
  if (context.log == nullptr) return;
  const fs::path path = PathOf(context.project, context.run_id);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const Status opened = error ? MakeError(Fault::kConfig, error.message()) : context.log->SetFile(path.string());
  if (!opened.ok()) {
    log::Warn("no log of this run is kept", {{"file", path.string()}, {"reason", opened.message()}});
    return;
  }
  RemoveOldLogs(path.parent_path().parent_path(), context.run_id);
  log::Info("run begins", {{"run", context.run_id},
                           {"firn", FIRN_VERSION},
                           {"command", context.options.command},
                           {"environment", context.project.environment},
                           {"lake", context.project.lake.warehouse}});
}

RunLog::~RunLog() {
  if (context_.log == nullptr) return;
  const Status closed = context_.log->SetFile("");
  if (!closed.ok()) log::Warn("log of the run not closed", {{"reason", closed.message()}});
}

void RunLog::Table(const TableResult& result) {
  for (const std::string& change : result.schema_changes) {
    log::Info("schema changed", {{"table", result.identifier}, {"change", change}});
  }
  for (const std::string& note : result.warnings) {
    log::Record(log::Level::kWarn, "note", {{"table", result.identifier}, {"text", note}});
  }
  for (const state::Finding& finding : result.findings) {
    log::Record(finding.is_error ? log::Level::kError : log::Level::kWarn, "finding",
                {{"table", result.identifier}, {"code", finding.code}, {"text", finding.text}});
  }
  if (result.state == TableState::kFailed) {
    const ErrorContext* detail = ContextOf(result.error);
    log::Record(log::Level::kError, "table failed",
                {{"table", result.identifier},
                 {"fault", FaultName(FaultOf(result.error))},
                 {"code", detail == nullptr ? "" : detail->code},
                 {"reason", result.error.message()},
                 {"why", detail == nullptr ? "" : detail->why},
                 {"next", detail == nullptr ? "" : detail->next}});
    return;
  }
  log::Info(result.state == TableState::kCompleted ? "table completed" : "table stopped",
            {{"table", result.identifier},
             {"rows_read", result.rows.read},
             {"rows_quarantined", result.rows.quarantined},
             {"commits", result.num_commits},
             {"snapshot", result.snapshot_id.value_or(0)},
             {"requests", result.requests.num_requests},
             {"retries", result.requests.num_retries},
             {"throttled", result.requests.num_throttled},
             {"waited_ms", result.requests.waited_ms},
             {"seconds", result.seconds}});
}

void RunLog::End(const RunResult& result) {
  log::Info("run ends", {{"run", result.run_id}, {"state", result.StateName()}, {"exit_code", result.ExitCode()}});
}

}  // namespace firn::pipeline
