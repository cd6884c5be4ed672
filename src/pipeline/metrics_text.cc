#include "pipeline/metrics_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

namespace firn::pipeline {
namespace {

struct Family {
  const char* name;
  const char* type;
  const char* help;
};

constexpr Family kFamilies[] = {
    {"firn_run_rows_read_total", "counter", "Records read from the source."},
    {"firn_run_rows_written_total", "counter", "Rows appended, inserted and updated."},
    {"firn_run_rows_updated_total", "counter", "Rows updated, counted as written too."},
    {"firn_run_rows_deleted_total", "counter", "Rows deleted."},
    {"firn_run_rows_quarantined_total", "counter", "Rows put into quarantine."},
    {"firn_run_read_bytes_total", "counter", "Bytes of response bodies."},
    {"firn_run_written_bytes_total", "counter", "Bytes of data files written."},
    {"firn_run_requests_total", "counter", "Requests sent to the source."},
    {"firn_run_request_retries_total", "counter", "Requests sent again."},
    {"firn_run_requests_throttled_total", "counter", "Requests answered with 429."},
    {"firn_run_commits_total", "counter", "Commits made."},
    {"firn_run_schema_changes_total", "counter", "Changes of columns and partitions."},
    {"firn_run_tables_total", "counter", "Loads of the table, by how they ended."},
    {"firn_table_last_run_timestamp_seconds", "gauge", "When the last run of the table ended."},
    {"firn_table_last_run_duration_seconds", "gauge", "How long the last run took for the table."},
    {"firn_table_last_run_completed", "gauge", "1 if the last run completed the table, else 0."},
    {"firn_table_last_success_timestamp_seconds", "gauge", "Start of the last run that completed the table."},
    {"firn_table_newest_timestamp_seconds", "gauge", "Newest value of the time column of the table."},
    {"firn_table_findings", "gauge", "Findings about the last load, by severity."},
    {"firn_last_run_timestamp_seconds", "gauge", "When the last run ended."},
    {"firn_last_run_exit_code", "gauge", "Exit code of the last run."},
    {"firn_build_info", "gauge", "1, with the version of firn."},
};

std::string Escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out.push_back('\\');
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

std::string_view FamilyOf(std::string_view series) {
  return series.substr(0, series.find('{'));
}

bool IsOurs(std::string_view series) {
  for (const Family& family : kFamilies) {
    if (FamilyOf(series) == family.name) return true;
  }
  return false;
}

// Series (name with labels) to value.
class Metrics {
 public:
  explicit Metrics(std::string_view before) {
    while (!before.empty()) {
      const std::string_view line = before.substr(0, before.find('\n'));
      before.remove_prefix(std::min(line.size() + 1, before.size()));
      const size_t space = line.rfind(' ');
      if (line.empty() || line.front() == '#' || space == std::string_view::npos) continue;
      double value = 0;
      const auto parsed = std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
      const bool whole = parsed.ec == std::errc() && parsed.ptr == line.data() + line.size();
      if (whole && IsOurs(line)) series_[std::string(line.substr(0, space))] = value;
    }
    std::erase_if(series_, [](const auto& entry) { return FamilyOf(entry.first) == "firn_build_info"; });
  }

  void Add(const std::string& series, int64_t count) { series_[series] += static_cast<double>(count); }
  void Set(const std::string& series, double value) { series_[series] = value; }

  std::string Text() const {
    std::string out;
    for (const Family& family : kFamilies) {
      std::string lines;
      for (const auto& [series, value] : series_) {
        if (FamilyOf(series) == family.name) lines += series + " " + Number(value) + "\n";
      }
      if (lines.empty()) continue;
      out += std::string("# HELP ") + family.name + " " + family.help + "\n# TYPE " + family.name + " " + family.type +
             "\n" + lines;
    }
    return out;
  }

 private:
  static std::string Number(double value) {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    return std::string(text, end);
  }

  std::map<std::string, double> series_;
};

double Seconds(Timestamp time) {
  return static_cast<double>(time.micros) / 1e6;
}

void CountTable(const TableResult& table, const std::string& labels, Metrics* metrics) {
  const auto add = [&](const char* name, int64_t count) { metrics->Add(name + ("{" + labels + "}"), count); };
  add("firn_run_rows_read_total", table.rows.read);
  add("firn_run_rows_written_total", table.rows_written());
  add("firn_run_rows_updated_total", table.rows.updated);
  add("firn_run_rows_deleted_total", table.rows.deleted);
  add("firn_run_rows_quarantined_total", table.rows.quarantined);
  add("firn_run_read_bytes_total", table.requests.body_bytes);
  add("firn_run_written_bytes_total", table.data_bytes);
  add("firn_run_requests_total", table.requests.num_requests);
  add("firn_run_request_retries_total", table.requests.num_retries);
  add("firn_run_requests_throttled_total", table.requests.num_throttled);
  add("firn_run_commits_total", table.num_commits);
  add("firn_run_schema_changes_total", static_cast<int64_t>(table.schema_changes.size()));
  constexpr std::array kStates = {std::pair{TableState::kCompleted, "completed"},
                                  std::pair{TableState::kFailed, "failed"},
                                  std::pair{TableState::kCancelled, "cancelled"}};
  for (const auto& [state, name] : kStates) {
    metrics->Add("firn_run_tables_total{" + labels + ",state=\"" + name + "\"}", table.state == state ? 1 : 0);
  }
}

void DescribeTable(const TableResult& table, const std::string& labels, Timestamp finished, Metrics* metrics) {
  const auto set = [&](const char* name, double value) { metrics->Set(name + ("{" + labels + "}"), value); };
  set("firn_table_last_run_timestamp_seconds", Seconds(finished));
  set("firn_table_last_run_duration_seconds", table.seconds);
  set("firn_table_last_run_completed", table.state == TableState::kCompleted ? 1 : 0);
  if (table.loaded_at) set("firn_table_last_success_timestamp_seconds", Seconds(*table.loaded_at));
  if (table.fresh_to) set("firn_table_newest_timestamp_seconds", Seconds(*table.fresh_to));
  int64_t errors = 0;
  for (const state::Finding& finding : table.findings) errors += finding.is_error ? 1 : 0;
  const auto warnings = static_cast<int64_t>(table.findings.size()) - errors;
  metrics->Set("firn_table_findings{" + labels + ",severity=\"warning\"}", static_cast<double>(warnings));
  metrics->Set("firn_table_findings{" + labels + ",severity=\"error\"}", static_cast<double>(errors));
}

void DescribeRun(int exit_code, Timestamp finished, Metrics* metrics) {
  metrics->Set("firn_last_run_timestamp_seconds", Seconds(finished));
  metrics->Set("firn_last_run_exit_code", exit_code);
  metrics->Set(std::string("firn_build_info{version=\"") + FIRN_VERSION + "\"}", 1);
}

}  // namespace

std::string MetricsText(std::string_view before, const RunResult& result) {
  Metrics metrics(before);
  for (const TableResult& table : result.tables) {
    const std::string labels =
        "pipeline=\"" + Escaped(table.pipeline) + "\",table=\"" + Escaped(table.identifier) + "\"";
    CountTable(table, labels, &metrics);
    DescribeTable(table, labels, result.finished, &metrics);
  }
  DescribeRun(result.ExitCode(), result.finished, &metrics);
  return metrics.Text();
}

std::string MetricsText(std::string_view before, const Status& error, Timestamp finished) {
  Metrics metrics(before);
  DescribeRun(ExitCodeOf(error), finished, &metrics);
  return metrics.Text();
}

}  // namespace firn::pipeline
