#include "state/record_json.h"

#include <nlohmann/json.hpp>

namespace firn::state {
namespace {

using Json = nlohmann::json;

struct Counter {
  const char* name;
  int64_t TableRecord::* member;
};
constexpr Counter kCounters[] = {{"rows_read", &TableRecord::rows_read},
                                 {"rows_appended", &TableRecord::rows_appended},
                                 {"rows_inserted", &TableRecord::rows_inserted},
                                 {"rows_updated", &TableRecord::rows_updated},
                                 {"rows_deleted", &TableRecord::rows_deleted},
                                 {"rows_unchanged", &TableRecord::rows_unchanged},
                                 {"rows_skipped", &TableRecord::rows_skipped},
                                 {"rows_duplicates", &TableRecord::rows_duplicates},
                                 {"rows_quarantined", &TableRecord::rows_quarantined},
                                 {"source_bytes", &TableRecord::source_bytes},
                                 {"data_bytes", &TableRecord::data_bytes},
                                 {"requests", &TableRecord::requests},
                                 {"throttled", &TableRecord::throttled},
                                 {"retries", &TableRecord::retries},
                                 {"waited_ms", &TableRecord::waited_ms},
                                 {"commits", &TableRecord::commits},
                                 {"duration_ms", &TableRecord::duration_ms}};

struct Text {
  const char* name;
  std::string TableRecord::* member;
};
constexpr Text kTexts[] = {{"reason_code", &TableRecord::reason_code},
                           {"reason", &TableRecord::reason},
                           {"next", &TableRecord::next},
                           {"cursor_before", &TableRecord::cursor_before},
                           {"cursor_after", &TableRecord::cursor_after}};

// Microseconds since 1970.
struct Time {
  const char* name;
  std::optional<Timestamp> TableRecord::* member;
};
constexpr Time kTimes[] = {{"loaded_at_micros", &TableRecord::loaded_at},
                           {"reconciled_at_micros", &TableRecord::reconciled_at}};

std::vector<std::string> Texts(const Json& json, const char* name) {
  std::vector<std::string> texts;
  const auto found = json.find(name);
  if (found == json.end() || !found->is_array()) return texts;
  for (const auto& item : *found) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::vector<Finding> Findings(const Json& json) {
  std::vector<Finding> findings;
  const auto found = json.find("findings");
  if (found == json.end() || !found->is_array()) return findings;
  for (const auto& item : *found) {
    if (!item.is_object()) continue;
    const auto text = [&](const char* name) {
      const auto value = item.find(name);
      return value != item.end() && value->is_string() ? value->get<std::string>() : std::string();
    };
    const auto error = item.find("error");
    findings.push_back({.code = text("code"), .text = text("text"), .is_error = error != item.end() && *error == true});
  }
  return findings;
}

}  // namespace

std::string WriteTableRecord(const TableRecord& record) {
  Json json = Json::object();
  for (const auto& counter : kCounters) json[counter.name] = record.*counter.member;
  for (const auto& text : kTexts) json[text.name] = record.*text.member;
  json["schema_changes"] = record.schema_changes;
  json["warnings"] = record.warnings;
  json["ordinary"] = record.ordinary;
  if (record.reconcile_pass) json["reconcile_pass"] = true;
  for (const auto& time : kTimes) {
    if (record.*time.member) json[time.name] = (record.*time.member)->micros;
  }
  json["findings"] = Json::array();
  for (const Finding& finding : record.findings) {
    json["findings"].push_back({{"code", finding.code}, {"text", finding.text}, {"error", finding.is_error}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TableRecord ParseTableRecord(std::string_view text) {
  TableRecord record;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return record;
  for (const auto& counter : kCounters) {
    const auto found = json.find(counter.name);
    if (found != json.end() && found->is_number_integer()) record.*counter.member = found->get<int64_t>();
  }
  for (const auto& field : kTexts) {
    const auto found = json.find(field.name);
    if (found != json.end() && found->is_string()) record.*field.member = found->get<std::string>();
  }
  record.schema_changes = Texts(json, "schema_changes");
  record.warnings = Texts(json, "warnings");
  record.findings = Findings(json);
  for (const auto& time : kTimes) {
    const auto found = json.find(time.name);
    if (found != json.end() && found->is_number_integer()) {
      record.*time.member = Timestamp{.micros = found->get<int64_t>()};
    }
  }
  const auto flag = [&](const char* name, bool* out) {
    const auto found = json.find(name);
    if (found != json.end() && found->is_boolean()) *out = found->get<bool>();
  };
  flag("ordinary", &record.ordinary);
  flag("reconcile_pass", &record.reconcile_pass);
  return record;
}

}  // namespace firn::state
