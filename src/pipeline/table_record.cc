#include "pipeline/table_record.h"

#include <nlohmann/json.hpp>

#include "base/redactor.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

state::TableState HistoryState(TableState state) {
  switch (state) {
    case TableState::kCompleted:
      return state::TableState::kCompleted;
    case TableState::kFailed:
      return state::TableState::kFailed;
    case TableState::kCancelled:
      return state::TableState::kCancelled;
  }
  return state::TableState::kFailed;
}

void PutCounts(const TableResult& result, state::TableRecord* record) {
  record->rows_read = result.rows.read;
  record->rows_appended = result.rows.appended;
  record->rows_inserted = result.rows.inserted;
  record->rows_updated = result.rows.updated;
  record->rows_deleted = result.rows.deleted;
  record->rows_skipped = result.rows.skipped;
  record->rows_duplicates = result.rows.duplicates;
  record->rows_unchanged = result.rows.skipped + result.rows.duplicates;
  record->rows_quarantined = result.rows.quarantined;
  record->source_bytes = result.requests.body_bytes;
  record->data_bytes = result.data_bytes;
  record->requests = result.requests.num_requests;
  record->throttled = result.requests.num_throttled;
  record->retries = result.requests.num_retries;
  record->waited_ms = result.requests.waited_ms;
  record->commits = result.num_commits;
}

Json Maybe(const std::optional<Timestamp>& time) {
  return time ? Json(FormatTimestamp(*time)) : Json(nullptr);
}

Json RowsJson(const state::TableRecord& record) {
  return {{"read", record.rows_read},
          {"written", record.rows_appended + record.rows_inserted + record.rows_updated},
          {"appended", record.rows_appended},
          {"inserted", record.rows_inserted},
          {"updated", record.rows_updated},
          {"deleted", record.rows_deleted},
          {"skipped", record.rows_skipped},
          {"duplicates", record.rows_duplicates},
          {"quarantined", record.rows_quarantined}};
}

}  // namespace

Json FindingsJson(const std::vector<state::Finding>& findings) {
  Json out = Json::array();
  for (const state::Finding& finding : findings) {
    out.push_back(
        {{"code", finding.code}, {"text", finding.text}, {"severity", finding.is_error ? "error" : "warning"}});
  }
  return out;
}

state::TableRecord RecordOf(const TableResult& result) {
  state::TableRecord record;
  record.pipeline = result.pipeline;
  record.table = result.table;
  record.identifier = result.identifier;
  record.state = HistoryState(result.state);
  if (!result.error.ok()) {
    const ErrorContext* detail = ContextOf(result.error);
    record.reason_code = ReasonCodeOf(result.error, {});
    record.reason = ProcessRedactor().Redact(result.error.message());
    if (detail != nullptr) record.next = detail->next;
  }
  PutCounts(result, &record);
  record.snapshot_id = result.snapshot_id;
  record.cursor_before = result.cursor_before;
  record.cursor_after = result.cursor_after;
  record.schema_changes = result.schema_changes;
  record.warnings = result.warnings;
  record.fresh_to = result.fresh_to;
  record.loaded_at = result.loaded_at;
  record.findings = result.findings;
  record.ordinary = result.ordinary;
  record.reconcile_pass = result.reconcile_pass;
  record.reconciled_at = result.reconciled_at;
  record.duration_ms = static_cast<int64_t>(result.seconds * 1000);
  return record;
}

Json RecordJson(const state::TableRecord& record) {
  const bool failed = record.state == state::TableState::kFailed;
  const bool named = !record.reason_code.empty() || record.findings.empty();
  Json out = {{"pipeline", record.pipeline},
              {"table", record.table},
              {"identifier", record.identifier},
              {"state", state::Name(record.state)},
              {"condition", ConditionOf(failed, record.findings)},
              {"reason_code", named ? record.reason_code : record.findings.front().code},
              {"reason", record.reason},
              {"next", record.next},
              {"findings", FindingsJson(record.findings)},
              {"rows", RowsJson(record)},
              {"requests",
               {{"count", record.requests},
                {"throttled", record.throttled},
                {"retries", record.retries},
                {"waited_ms", record.waited_ms},
                {"body_bytes", record.source_bytes}}}};
  if (record.snapshot_id) out["snapshot_id"] = *record.snapshot_id;
  out["commits"] = record.commits;
  out["data_bytes"] = record.data_bytes;
  out["cursor_before"] = record.cursor_before;
  out["cursor_after"] = record.cursor_after;
  out["freshness"] = {
      {"newest", Maybe(record.fresh_to)}, {"loaded", Maybe(record.loaded_at)}, {"age_seconds", Json(nullptr)}};
  out["reconcile_pass"] = record.reconcile_pass;
  out["schema_changes"] = record.schema_changes;
  out["warnings"] = record.warnings;
  out["seconds"] = static_cast<double>(record.duration_ms) / 1000;
  return out;
}

}  // namespace firn::pipeline
