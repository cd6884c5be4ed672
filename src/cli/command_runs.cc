#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/lake_move.h"
#include "cli/run_command.h"
#include "cli/text_table.h"
#include "pipeline/kept_tables.h"
#include "pipeline/table_record.h"
#include "pipeline/table_status.h"
#include "pipeline/table_watch.h"
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

std::string StateText(const pipeline::JudgedTable& table) {
  const state::TableRecord& last = table.status.last;
  if (table.never) return "never";
  if (last.state != state::TableState::kCompleted || last.findings.empty()) return NameOf(last.state);
  const auto is_error = [](const state::Finding& finding) { return finding.is_error; };
  return std::ranges::any_of(last.findings, is_error) ? "late" : "warning";
}

std::string PassText(const pipeline::JudgedTable& table, Timestamp now) {
  if (!table.next_pass) return "";
  return *table.next_pass <= now ? "with the next run" : FormatTimestamp(*table.next_pass);
}

std::string NoteText(const pipeline::JudgedTable& table) {
  const state::TableRecord& last = table.status.last;
  if (!last.reason_code.empty()) return last.reason_code + ", run " + table.status.run_id.substr(0, 13);
  if (!last.findings.empty()) return last.findings.front().code + " " + last.findings.front().text;
  return last.warnings.empty() ? "" : last.warnings.front();
}

Result<int> ShowStatus(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(auto latest, history->LatestTables(project->lake.warehouse));
  const Timestamp now = app.clock().LogicalNow();
  const auto tables = pipeline::JudgeTables(*project, std::move(latest), now);
  const bool passes = std::ranges::any_of(tables, [](const auto& table) { return table.next_pass.has_value(); });
  std::vector<std::string> head = {"TABLE", "STATE", "LAST OK", "AGE", "READ", "QUARANTINED", "CURSOR", "NOTE"};
  if (passes) head.insert(head.end() - 1, "NEXT RECONCILE");
  TextTable text(head);
  Json list = Json::array();
  for (const pipeline::JudgedTable& table : tables) {
    const state::TableRecord& last = table.status.last;
    const bool unnamed = !table.never && pipeline::IsUnnamed(*project, table.status, *history);
    const std::string note = unnamed ? "kept: no pipeline names it any more" : NoteText(table);
    const std::string success = table.status.last_success ? FormatTimestamp(*table.status.last_success) : "never";
    std::vector<std::string> row = {last.identifier,
                                    StateText(table),
                                    success,
                                    table.age_seconds ? pipeline::AgeText(*table.age_seconds) : "",
                                    std::to_string(last.rows_read),
                                    std::to_string(last.rows_quarantined),
                                    Short(last.cursor_after, 40),
                                    Short(note, 60)};
    if (passes) row.insert(row.end() - 1, PassText(table, now));
    text.Add(std::move(row));
    Json entry = pipeline::JudgedJson(table);
    entry["configured"] = !unnamed;
    list.push_back(std::move(entry));
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  WarnOfOutside(app, project->lake);
  return arguments.Flag("--check") ? pipeline::StatusExitCode(tables, arguments.Flag("--strict")) : 0;
}

double SecondsOf(const state::RunRecord& run) {
  return run.finished ? static_cast<double>(run.finished->micros - run.started.micros) / 1e6 : 0;
}

std::string SecondsText(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", seconds);
  return text;
}

// The runs with their tables; of `table` alone, if it is not empty.
Result<std::vector<state::RunRecord>> RunsWithTables(state::RunHistory& history, const std::string& table,
                                                     int64_t limit) {
  ARROW_ASSIGN_OR_RAISE(auto runs, history.Runs({.pipeline = "", .table = table, .state = {}, .limit = limit}));
  for (state::RunRecord& run : runs) {
    const state::RunState state = run.state;
    ARROW_ASSIGN_OR_RAISE(run, history.FindRun(run.run_id));
    run.state = state;
    std::erase_if(run.tables, [&](const state::TableRecord& record) {
      return !table.empty() && record.table != table && record.identifier != table;
    });
  }
  return runs;
}

bool HasEnded(const state::RunRecord& run) {
  return run.state != state::RunState::kRunning && run.state != state::RunState::kInterrupted;
}

Json RunJson(const state::RunRecord& run) {
  Json out = {{"run_id", run.run_id},
              {"command", run.command},
              {"pipeline", run.pipeline},
              {"environment", run.environment},
              {"started", FormatTimestamp(run.started)},
              {"seconds", SecondsOf(run)},
              {"state", NameOf(run.state)},
              {"exit_code", run.exit_code},
              {"tables", Json::array()}};
  for (const state::TableRecord& table : run.tables) out["tables"].push_back(pipeline::RecordJson(table));
  return out;
}

TextTable RunsOfTable(const std::vector<state::RunRecord>& runs) {
  TextTable text({"RUN", "TABLE", "STARTED", "SECONDS", "STATE", "READ", "WRITTEN", "DELETED", "QUARANTINED", "CODE"});
  for (const state::RunRecord& run : runs) {
    for (const state::TableRecord& table : run.tables) {
      const int64_t written = table.rows_appended + table.rows_inserted + table.rows_updated;
      text.Add(
          {run.run_id, table.identifier, FormatTimestamp(run.started),
           SecondsText(static_cast<double>(table.duration_ms) / 1000), NameOf(table.state),
           std::to_string(table.rows_read), std::to_string(written), std::to_string(table.rows_deleted),
           std::to_string(table.rows_quarantined),
           table.reason_code.empty() && !table.findings.empty() ? table.findings.front().code : table.reason_code});
    }
  }
  return text;
}

Result<int> ShowRuns(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  const std::string table = arguments.Text("--table");
  ARROW_ASSIGN_OR_RAISE(const auto runs, RunsWithTables(*history, table, arguments.Integer("--limit").value_or(20)));
  if (arguments.Flag("--json")) {
    Json list = Json::array();
    for (const state::RunRecord& run : runs) list.push_back(RunJson(run));
    ARROW_RETURN_NOT_OK(app.Print(list.dump() + "\n"));
    return 0;
  }
  TextTable text({"RUN", "COMMAND", "PIPELINE", "STARTED", "SECONDS", "RESULT", "EXIT"});
  for (const state::RunRecord& run : runs) {
    text.Add({run.run_id, run.command, run.pipeline, FormatTimestamp(run.started), SecondsText(SecondsOf(run)),
              NameOf(run.state), HasEnded(run) ? std::to_string(run.exit_code) : "-"});
  }
  ARROW_RETURN_NOT_OK(app.Print(table.empty() ? text.Render() : RunsOfTable(runs).Render()));
  return 0;
}

std::vector<std::string> PipelinesOf(const state::RunRecord& run) {
  std::vector<std::string> names;
  for (size_t at = 0; at < run.pipeline.size();) {  // "shop, crm"
    const size_t end = std::min(run.pipeline.find(", ", at), run.pipeline.size());
    names.push_back(run.pipeline.substr(at, end - at));
    at = end + 2;
  }
  return names;
}

Result<int> Retry(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(const auto run, history->FindRun(arguments.Text("RUN", "last")));
  if (run.command == state::kBackfillCommand) {
    const std::string table = run.tables.empty() ? "TABLE" : run.tables.front().table;
    return MakeError(Fault::kConfig, "run " + run.run_id + " was a backfill, which goes on by itself",
                     {.state = "nothing was started",
                      .next = "firn backfill " + table + "   (goes on where it was); firn retry RUN for another run"});
  }
  RunRequest request;
  request.options.command = "retry";
  request.json = arguments.Flag("--json");
  request.metrics_file = arguments.Text("--metrics-file");
  if (run.state == state::RunState::kRunning) {
    return MakeError(Fault::kBusy, "run " + run.run_id + " is still at work",
                     {.state = "nothing was started", .next = "firn runs   (says when it has ended)"});
  }
  pipeline::TableSelection& selection = request.options.selection;
  const bool interrupted = run.state == state::RunState::kInterrupted;
  if (interrupted) selection.select = PipelinesOf(run);  // which of their tables it had to do, nobody noted
  for (const auto& table : run.tables) {
    const std::string name = table.pipeline + "." + table.table;
    const bool completed = table.state == state::TableState::kCompleted;
    if (completed && interrupted) selection.exclude.push_back(name);
    if (!completed && !interrupted) selection.select.push_back(name);
  }
  if (request.options.selection.select.empty()) {
    app.Say("nothing to retry: every table of run " + run.run_id + " completed\n");
    return 0;
  }
  return RunTables(app, std::move(request));
}

}  // namespace

Command StatusCommand() {
  return {.name = "status",
          .reads_source = false,
          .reads_tables = true,
          .group = "Look",
          .summary = "the latest of every table",
          .options = {kJson,
                      {.name = "--check",
                       .kind = Option::Kind::kFlag,
                       .help = "exit 3 if a table's last load failed, 6 if one is later than freshness allows"},
                      {.name = "--strict", .kind = Option::Kind::kFlag, .help = "with --check: 6 for warnings too"}},
          .run = ShowStatus};
}

Command RunsCommand() {
  return {.name = "runs",
          .reads_source = false,
          .group = "Look",
          .summary = "the latest runs",
          .options = {kJson,
                      {.name = "--table", .help = "runs of one table: its name, or dataset.table"},
                      {.name = "--limit", .kind = Option::Kind::kInteger, .help = "how many (20)"}},
          .run = ShowRuns};
}

Command RetryCommand() {
  return {
      .name = "retry",
      .group = "Run",
      .summary = "run again the tables of a run that did not complete",
      .options = {{.name = "RUN", .kind = Option::Kind::kPositional, .help = "run id or its beginning (the last run)"},
                  kJson,
                  {.name = "--metrics-file", .help = "file for Prometheus' textfile collector, ending with .prom"}},
      .run = Retry};
}

}  // namespace firn::cli
