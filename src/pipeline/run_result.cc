#include "pipeline/run_result.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/redactor.h"
#include "pipeline/table_record.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

Json ErrorJson(const Status& error) {
  Json out;
  out["fault"] = FaultName(FaultOf(error));
  out["message"] = error.message();
  if (const ErrorContext* context = ContextOf(error)) {
    const auto put = [&](const char* name, const std::string& value) {
      if (!value.empty()) out[name] = value;
    };
    put("code", context->code);
    put("where", context->where);
    put("why", context->why);
    put("state", context->state);
    put("next", context->next);
  }
  return out;
}

const char* NameOf(TableState state) {
  switch (state) {
    case TableState::kCompleted:
      return "completed";
    case TableState::kFailed:
      return "failed";
    case TableState::kCancelled:
      return "cancelled";
  }
  return "failed";
}

// The source's own JSON, else text.
Json PositionJson(const std::string& position) {
  Json parsed = Json::parse(position, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? Json(position) : parsed;
}

Json TimeJson(const std::optional<Timestamp>& time) {
  return time ? Json(FormatTimestamp(*time)) : Json(nullptr);
}

Json ChecksJson(const std::vector<CheckResult>& checks) {
  Json out = Json::array();
  for (const CheckResult& check : checks) {
    Json entry = {{"name", check.name}, {"passed", check.passed}, {"on_failure", check.blocks ? "fail" : "warn"}};
    if (check.bad_rows) entry["bad_rows"] = *check.bad_rows;
    if (!check.finding.empty()) entry["finding"] = check.finding;
    out.push_back(std::move(entry));
  }
  return out;
}

Json AlertsJson(const std::vector<AlertOutcome>& alerts) {
  Json out = Json::array();
  for (const AlertOutcome& alert : alerts) {
    Json entry = {{"event", alert.event}, {"by", alert.by}, {"delivered", alert.error.empty()}};
    if (!alert.error.empty()) entry["error"] = alert.error;
    out.push_back(std::move(entry));
  }
  return out;
}

Json TuningJson(const std::vector<TuningDecision>& tuning) {
  Json out = Json::array();
  for (const TuningDecision& decision : tuning) {
    out.push_back(
        {{"setting", decision.setting}, {"from", decision.from}, {"to", decision.to}, {"reason", decision.reason}});
  }
  return out;
}

Json TableJson(const TableResult& table, bool for_alerts) {
  Json out;
  out["pipeline"] = table.pipeline;
  out["table"] = table.table;
  out["identifier"] = table.identifier;
  out["state"] = NameOf(table.state);
  out["condition"] = ConditionOf(table.state == TableState::kFailed, table.findings);
  out["reason_code"] = ReasonCodeOf(table.error, table.findings);
  if (!table.error.ok()) out["error"] = ErrorJson(table.error);
  out["findings"] = FindingsJson(table.findings);
  out["rows"] = {{"read", table.rows.read},
                 {"written", table.rows_written()},
                 {"appended", table.rows.appended},
                 {"inserted", table.rows.inserted},
                 {"updated", table.rows.updated},
                 {"deleted", table.rows.deleted},
                 {"skipped", table.rows.skipped},
                 {"duplicates", table.rows.duplicates},
                 {"quarantined", table.rows.quarantined}};
  out["requests"] = {{"count", table.requests.num_requests},       {"throttled", table.requests.num_throttled},
                     {"retries", table.requests.num_retries},      {"waited_ms", table.requests.waited_ms},
                     {"body_bytes", table.requests.body_bytes},    {"empty", table.requests.num_empty},
                     {"skipped", table.requests.num_skipped},      {"older_rows", table.requests.num_older_rows},
                     {"later_rows", table.requests.num_later_rows}};
  if (table.snapshot_id) out["snapshot_id"] = *table.snapshot_id;
  out["commits"] = table.num_commits;
  out["data_bytes"] = table.data_bytes;
  if (!for_alerts) {
    out["position_before"] = PositionJson(table.position_before);
    out["position_after"] = PositionJson(table.position_after);
    out["cursor_before"] = table.cursor_before;
    out["cursor_after"] = table.cursor_after;
  }
  out["freshness"] = {{"newest", TimeJson(table.fresh_to)},
                      {"loaded", TimeJson(table.loaded_at)},
                      {"age_seconds", table.age_seconds ? Json(*table.age_seconds) : Json(nullptr)}};
  out["reconcile_pass"] = table.reconcile_pass;
  out["next_reconcile"] = TimeJson(table.next_pass);
  out["schema_changes"] = table.schema_changes;
  out["files_compacted"] = table.files_compacted;
  out["checks"] = ChecksJson(table.checks);
  if (table.published) out["published"] = *table.published;
  out["warnings"] = table.warnings;
  out["tuning"] = TuningJson(table.tuning);
  if (!for_alerts) out["alerts"] = AlertsJson(table.alerts);
  out["seconds"] = table.seconds;
  return out;
}

}  // namespace

std::string ReasonCodeOf(const Status& error, const std::vector<state::Finding>& findings) {
  if (error.ok()) return findings.empty() ? "" : findings.front().code;
  const ErrorContext* context = ContextOf(error);
  return context != nullptr && !context->code.empty() ? context->code : std::string(FaultName(FaultOf(error)));
}

std::string_view ConditionOf(bool failed, const std::vector<state::Finding>& findings) {
  const auto is_error = [](const state::Finding& finding) { return finding.is_error; };
  if (failed || std::ranges::any_of(findings, is_error)) return "error";
  return findings.empty() ? "ok" : "warning";
}

int64_t RunResult::CountOf(TableState state) const {
  return std::count_if(tables.begin(), tables.end(), [&](const TableResult& table) { return table.state == state; });
}

std::string RunResult::StateName() const {
  if (CountOf(TableState::kCancelled) > 0) return "cancelled";
  const int64_t failed = CountOf(TableState::kFailed);
  if (failed == 0) return "completed";
  return failed == static_cast<int64_t>(tables.size()) ? "failed" : "partially failed";
}

int RunResult::ExitCode() const {
  if (CountOf(TableState::kCancelled) > 0) return 130;
  const int64_t failed = CountOf(TableState::kFailed);
  if (failed == 0) return 0;
  if (failed < static_cast<int64_t>(tables.size())) return 3;
  const int code = ExitCodeOf(tables.front().error);
  const bool common = std::all_of(tables.begin(), tables.end(),
                                  [&](const TableResult& table) { return ExitCodeOf(table.error) == code; });
  return common ? code : 1;
}

int ExitCodeOf(const Status& error) {
  switch (FaultOf(error)) {
    case Fault::kConfig:
      return 2;
    case Fault::kAuth:
      return 4;
    case Fault::kTransient:
    case Fault::kThrottled:
    case Fault::kOutcomeUnknown:
    case Fault::kUnreachable:
      return 5;
    case Fault::kContract:
      return 6;
    case Fault::kBusy:
      return 7;
    case Fault::kCancelled:
      return 130;
    case Fault::kConflict:
    case Fault::kBadData:
    case Fault::kBug:
      return 1;
  }
  return 1;
}

std::string ToJson(const RunResult& result) {
  Json out;
  out["version"] = 1;
  out["run_id"] = result.run_id;
  out["state"] = result.StateName();
  out["exit_code"] = result.ExitCode();
  out["environment"] = result.environment;
  out["lake"] = result.lake;
  out["started"] = FormatTimestamp(result.started);
  out["finished"] = FormatTimestamp(result.finished);
  out["seconds"] = static_cast<double>(result.finished.micros - result.started.micros) / 1e6;
  out["tables"] = Json::array();
  for (const TableResult& table : result.tables) out["tables"].push_back(TableJson(table, false));
  return ProcessRedactor().Redact(out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string ToJson(const TableResult& table, bool for_alerts) {
  return ProcessRedactor().Redact(TableJson(table, for_alerts).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string ToJson(const Status& error) {
  const Json out = {{"version", 1},
                    {"state", FaultOf(error) == Fault::kCancelled ? "cancelled" : "failed"},
                    {"exit_code", ExitCodeOf(error)},
                    {"error", ErrorJson(error)},
                    {"tables", Json::array()}};
  return ProcessRedactor().Redact(out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace firn::pipeline
