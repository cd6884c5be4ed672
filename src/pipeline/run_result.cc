#include "pipeline/run_result.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/redactor.h"

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

Json TableJson(const TableResult& table) {
  Json out;
  out["pipeline"] = table.pipeline;
  out["table"] = table.table;
  out["identifier"] = table.identifier;
  out["state"] = NameOf(table.state);
  if (!table.error.ok()) out["error"] = ErrorJson(table.error);
  out["rows"] = {{"read", table.rows.read},
                 {"appended", table.rows.appended},
                 {"inserted", table.rows.inserted},
                 {"updated", table.rows.updated},
                 {"deleted", table.rows.deleted},
                 {"skipped", table.rows.skipped},
                 {"duplicates", table.rows.duplicates},
                 {"quarantined", table.rows.quarantined}};
  out["requests"] = {{"count", table.requests.num_requests},
                     {"throttled", table.requests.num_throttled},
                     {"retries", table.requests.num_retries},
                     {"waited_ms", table.requests.waited_ms},
                     {"body_bytes", table.requests.body_bytes}};
  if (table.snapshot_id) out["snapshot_id"] = *table.snapshot_id;
  out["commits"] = table.num_commits;
  out["data_bytes"] = table.data_bytes;
  out["position_before"] = Json::parse(table.position_before, nullptr, false).is_discarded()
                               ? Json(table.position_before)
                               : Json::parse(table.position_before, nullptr, false);
  out["position_after"] = Json::parse(table.position_after, nullptr, false).is_discarded()
                              ? Json(table.position_after)
                              : Json::parse(table.position_after, nullptr, false);
  out["schema_changes"] = table.schema_changes;
  out["warnings"] = table.warnings;
  out["seconds"] = table.seconds;
  return out;
}

}  // namespace

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
  for (const TableResult& table : result.tables) out["tables"].push_back(TableJson(table));
  return ProcessRedactor().Redact(out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace firn::pipeline
