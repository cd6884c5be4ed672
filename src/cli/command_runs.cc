#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/run_command.h"
#include "cli/text_table.h"
#include "state/run_history.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

const Option kJson = {.name = "--json", .kind = Option::Kind::kFlag, .help = "one JSON document on stdout"};

const char* NameOf(state::RunState state) {
  switch (state) {
    case state::RunState::kRunning:
      return "running";
    case state::RunState::kCompleted:
      return "completed";
    case state::RunState::kPartiallyFailed:
      return "partially failed";
    case state::RunState::kFailed:
      return "failed";
    case state::RunState::kCancelled:
      return "cancelled";
    case state::RunState::kInterrupted:
      return "interrupted";
  }
  return "";
}

const char* NameOf(state::TableState state) {
  switch (state) {
    case state::TableState::kRunning:
      return "running";
    case state::TableState::kCompleted:
      return "ok";
    case state::TableState::kFailed:
      return "failed";
    case state::TableState::kCancelled:
      return "cancelled";
  }
  return "";
}

std::string Short(const std::string& text, size_t width) {
  return text.size() <= width ? text : text.substr(0, width) + "…";
}

Json TableJson(const state::TableRecord& table) {
  return {{"pipeline", table.pipeline},
          {"table", table.identifier},
          {"state", NameOf(table.state)},
          {"code", table.reason_code},
          {"reason", table.reason},
          {"next", table.next},
          {"rows",
           {{"read", table.rows_read},
            {"appended", table.rows_appended},
            {"inserted", table.rows_inserted},
            {"updated", table.rows_updated},
            {"deleted", table.rows_deleted},
            {"unchanged", table.rows_unchanged},
            {"quarantined", table.rows_quarantined}}},
          {"requests", table.requests},
          {"throttled", table.throttled},
          {"retries", table.retries},
          {"waited_ms", table.waited_ms},
          {"snapshot_id", table.snapshot_id ? Json(*table.snapshot_id) : Json(nullptr)},
          {"cursor", table.cursor_after},
          {"schema_changes", table.schema_changes},
          {"warnings", table.warnings}};
}

Result<int> ShowStatus(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(const auto tables, history->LatestTables());
  TextTable text({"TABLE", "STATE", "LAST OK", "READ", "QUARANTINED", "CURSOR", "NOTE"});
  Json list = Json::array();
  bool failed = false;
  for (const auto& table : tables) {
    failed |= table.last.state == state::TableState::kFailed;
    const std::string note = !table.last.reason_code.empty()
                                 ? table.last.reason_code + ", run " + table.run_id.substr(0, 13)
                             : table.last.warnings.empty() ? ""
                                                           : table.last.warnings.front();
    const std::string success = table.last_success ? FormatTimestamp(*table.last_success) : "never";
    text.Add({table.last.identifier, NameOf(table.last.state), success, std::to_string(table.last.rows_read),
              std::to_string(table.last.rows_quarantined), Short(table.last.cursor_after, 40), Short(note, 60)});
    Json entry = TableJson(table.last);
    entry["last_success"] = table.last_success ? Json(success) : Json(nullptr);
    entry["run_id"] = table.run_id;
    list.push_back(std::move(entry));
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  return failed && arguments.Flag("--check") ? 3 : 0;
}

Result<int> ShowRuns(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(const auto runs, history->Runs({.limit = arguments.Integer("--limit").value_or(20)}));
  TextTable text({"RUN", "COMMAND", "PIPELINE", "STARTED", "SECONDS", "RESULT", "EXIT"});
  Json list = Json::array();
  for (const auto& run : runs) {
    const double seconds = run.finished ? static_cast<double>(run.finished->micros - run.started.micros) / 1e6 : 0;
    char took[32];
    std::snprintf(took, sizeof took, "%.1f", seconds);
    text.Add({run.run_id, run.command, run.pipeline, FormatTimestamp(run.started), took, NameOf(run.state),
              std::to_string(run.exit_code)});
    list.push_back({{"run_id", run.run_id},
                    {"command", run.command},
                    {"pipeline", run.pipeline},
                    {"environment", run.environment},
                    {"started", FormatTimestamp(run.started)},
                    {"seconds", seconds},
                    {"state", NameOf(run.state)},
                    {"exit_code", run.exit_code}});
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  return 0;
}

Result<int> ShowLogs(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(const auto run, history->FindRun(arguments.Text("RUN", "last")));
  const auto log = app.files().ReadText(run.log_file, int64_t{1} << 30);
  if (log.ok()) ARROW_RETURN_NOT_OK(app.Print(*log));
  for (const auto& table : run.tables) ARROW_RETURN_NOT_OK(app.Print(TableJson(table).dump() + "\n"));
  return 0;
}

Result<int> Retry(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(const auto run, history->FindRun(arguments.Text("RUN", "last")));
  RunRequest request;
  request.options.command = "retry";
  request.json = arguments.Flag("--json");
  for (const auto& table : run.tables) {
    if (table.state != state::TableState::kCompleted)
      request.options.select.push_back(table.pipeline + "." + table.table);
  }
  if (request.options.select.empty()) {
    app.Say("nothing to retry: every table of run " + run.run_id + " completed\n");
    return 0;
  }
  return RunTables(app, std::move(request));
}

}  // namespace

Command StatusCommand() {
  return {.name = "status",
          .group = "Look",
          .summary = "the latest of every table",
          .options = {kJson,
                      {.name = "--check", .kind = Option::Kind::kFlag, .help = "exit 3 if a table's last run failed"}},
          .run = ShowStatus};
}

Command RunsCommand() {
  return {.name = "runs",
          .group = "Look",
          .summary = "the latest runs",
          .options = {kJson, {.name = "--limit", .kind = Option::Kind::kInteger, .help = "how many (20)"}},
          .run = ShowRuns};
}

Command LogsCommand() {
  return {
      .name = "logs",
      .group = "Look",
      .summary = "log lines and tables of one run",
      .options = {{.name = "RUN", .kind = Option::Kind::kPositional, .help = "run id or its beginning (the last run)"}},
      .run = ShowLogs};
}

Command RetryCommand() {
  return {
      .name = "retry",
      .group = "Run",
      .summary = "run again the tables of a run that did not complete",
      .options = {{.name = "RUN", .kind = Option::Kind::kPositional, .help = "run id or its beginning (the last run)"},
                  kJson},
      .run = Retry};
}

}  // namespace firn::cli
