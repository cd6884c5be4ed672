#include "state/stored_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "state/documents.h"
#include "state/record_json.h"

namespace firn::state {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kRunStates = {RunState::kRunning, RunState::kCompleted, RunState::kPartiallyFailed,
                                   RunState::kFailed,  RunState::kCancelled, RunState::kInterrupted};
constexpr std::array kTableStates = {TableState::kRunning, TableState::kCompleted, TableState::kFailed,
                                     TableState::kCancelled};

// A name of another version counts as a failure: that is what a person should look at.
RunState RunStateOf(const std::string& name) {
  const auto* const found = std::ranges::find(kRunStates, name, [](RunState state) { return Name(state); });
  return found == kRunStates.end() ? RunState::kFailed : *found;
}

TableState TableStateOf(const std::string& name) {
  const auto* const found = std::ranges::find(kTableStates, name, [](TableState state) { return Name(state); });
  return found == kTableStates.end() ? TableState::kFailed : *found;
}

std::optional<int64_t> OptionalNumber(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<int64_t>();
}

// An index holds many records: what has its default is left out.
Json Terse(const TableRecord& record) {
  const Json whole = Json::parse(WriteTableRecord(record), nullptr, /*allow_exceptions=*/false);
  Json terse = Json::object();
  for (const auto& [name, value] : whole.items()) {
    const bool nothing = value == Json(0) || value == Json("") || value == Json::array() || value == Json(true);
    if (!nothing) terse[name] = value;
  }
  return terse;
}

}  // namespace

bool IsSameTable(const TableRecord& left, const TableRecord& right) {
  return left.pipeline == right.pipeline && left.table == right.table && left.identifier == right.identifier;
}

void StoredRun::Put(StoredTable table) {
  const auto same = std::ranges::find_if(tables, [&](const StoredTable& other) {
    return other.record.pipeline == table.record.pipeline && other.record.table == table.record.table;
  });
  if (same == tables.end()) {
    tables.push_back(std::move(table));
  } else {
    *same = std::move(table);
  }
}

Json RunJson(const RunRecord& run) {
  Json json = {{"run_id", run.run_id},        {"pipeline", run.pipeline},   {"environment", run.environment},
               {"command", run.command},      {"lake", run.lake},           {"log_file", run.log_file},
               {"state", Name(run.state)},    {"exit_code", run.exit_code}, {"started_micros", run.started.micros},
               {"process_id", run.process_id}};
  if (run.finished) json["finished_micros"] = run.finished->micros;
  return json;
}

Json TableJson(const StoredTable& table) {
  const TableRecord& record = table.record;
  Json json = {{"pipeline", record.pipeline},
               {"table", record.table},
               {"identifier", record.identifier},
               {"state", Name(record.state)},
               {"recorded_micros", table.recorded.micros},
               {"record", Terse(record)}};
  if (record.snapshot_id) json["snapshot_id"] = *record.snapshot_id;
  if (record.fresh_to) json["fresh_to_micros"] = record.fresh_to->micros;
  return json;
}

Json StoredRunJson(const StoredRun& run) {
  Json json = {{"version", kDocumentVersion}, {"run", RunJson(run.run)}, {"tables", Json::array()}};
  for (const StoredTable& table : run.tables) json["tables"].push_back(TableJson(table));
  return json;
}

Result<RunRecord> ParseRun(const Json& json) {
  RunRecord run;
  if (json.is_object()) run.run_id = TextOf(json, "run_id");
  if (run.run_id.empty()) return MakeError(Fault::kBadData, "the record of a run has no run id");
  run.pipeline = TextOf(json, "pipeline");
  run.environment = TextOf(json, "environment");
  run.command = TextOf(json, "command");
  run.lake = TextOf(json, "lake");
  run.log_file = TextOf(json, "log_file");
  run.state = RunStateOf(TextOf(json, "state"));
  run.exit_code = static_cast<int32_t>(NumberOf(json, "exit_code"));
  run.started.micros = NumberOf(json, "started_micros");
  run.process_id = NumberOf(json, "process_id");
  if (const auto finished = OptionalNumber(json, "finished_micros")) run.finished = Timestamp{.micros = *finished};
  return run;
}

StoredTable ParseTable(const Json& json) {
  StoredTable table;
  if (!json.is_object()) return table;
  const auto record = json.find("record");
  if (record != json.end()) {
    table.record = ParseTableRecord(record->dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  table.record.pipeline = TextOf(json, "pipeline");
  table.record.table = TextOf(json, "table");
  table.record.identifier = TextOf(json, "identifier");
  table.record.state = TableStateOf(TextOf(json, "state"));
  table.record.snapshot_id = OptionalNumber(json, "snapshot_id");
  if (const auto fresh = OptionalNumber(json, "fresh_to_micros")) table.record.fresh_to = Timestamp{.micros = *fresh};
  table.recorded.micros = NumberOf(json, "recorded_micros");
  return table;
}

Result<StoredRun> ParseStoredRun(std::string_view location, std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  ARROW_RETURN_NOT_OK(CheckDocument(location, json));
  StoredRun stored;
  const auto run = json.find("run");
  ARROW_ASSIGN_OR_RAISE(stored.run, ParseRun(run == json.end() ? Json() : *run));
  const auto tables = json.find("tables");
  if (tables == json.end() || !tables->is_array()) return stored;
  for (const Json& table : *tables) stored.tables.push_back(ParseTable(table));
  return stored;
}

}  // namespace firn::state
