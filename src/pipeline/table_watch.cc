#include "pipeline/table_watch.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "state/run_history.h"

namespace firn::pipeline {
namespace {

// More than the loads that are compared: failed and extraordinary ones lie between them.
constexpr int64_t kRecordsRead = 50;

bool IsOrdinary(const RunOptions& options) {
  return !options.full_refresh && !options.keep_position && !options.from && !options.to && !options.max_rows;
}

std::vector<int64_t> UsualCounts(const std::vector<state::TableRecord>& before) {
  std::vector<int64_t> counts;
  for (const state::TableRecord& record : before) {
    if (record.state != state::TableState::kCompleted || !record.ordinary) continue;
    counts.push_back(record.rows_read);
    if (counts.size() == kUsualLoadsMax) break;
  }
  return counts;
}

std::string Rows(int64_t count) {
  return std::to_string(count) + (count == 1 ? " row" : " rows");
}

std::optional<std::string> OutOfBand(int64_t rows, int64_t median, const config::VolumeConfig& band) {
  const double percent = 100.0 * static_cast<double>(rows) / static_cast<double>(median);
  const bool few = band.min_percent && percent < static_cast<double>(*band.min_percent);
  const bool many = band.max_percent && percent > static_cast<double>(*band.max_percent);
  if (!few && !many) return std::nullopt;
  return Rows(rows) + " read, " + std::to_string(median) + " are usual: " +
         (few ? "less than " + std::to_string(*band.min_percent) : "more than " + std::to_string(*band.max_percent)) +
         " % of it";
}

bool Has(const TableResult& result, const char* code) {
  return std::ranges::any_of(result.findings, [code](const state::Finding& finding) { return finding.code == code; });
}

bool Happened(const TableResult& result, config::WatchEvent event) {
  switch (event) {
    case config::WatchEvent::kFailure:
      return result.state == TableState::kFailed;
    case config::WatchEvent::kSchemaChange:
      return !result.schema_changes.empty();
    case config::WatchEvent::kZeroRows:
      return Has(result, kZeroRowsCode);
    case config::WatchEvent::kVolume:
      return Has(result, kVolumeCode);
    case config::WatchEvent::kQuarantine:
      return result.rows.quarantined > 0;
    case config::WatchEvent::kLate:
      return Has(result, kLateCode);
  }
  return false;
}

// What earlier runs know of a table of which this one loaded nothing newer.
void TakeOver(const std::vector<state::TableRecord>& before, TableResult* result) {
  for (const state::TableRecord& record : before) {
    if (!result->fresh_to) result->fresh_to = record.fresh_to;
    if (!result->loaded_at) result->loaded_at = record.loaded_at;
    const bool unknown = result->state != TableState::kCompleted && !result->reconciled_at;
    if (unknown) result->reconciled_at = record.reconciled_at;
  }
}

}  // namespace

std::vector<state::Finding> JudgeVolume(int64_t rows_read, const std::vector<state::TableRecord>& before,
                                        const std::optional<config::VolumeConfig>& band) {
  std::vector<int64_t> counts = UsualCounts(before);
  if (counts.size() < kUsualLoadsMin) return {};
  const auto recent = counts.begin() + static_cast<std::ptrdiff_t>(kUsualLoadsMin);
  if (rows_read == 0 && std::all_of(counts.begin(), recent, [](int64_t count) { return count > 0; })) {
    return {{.code = kZeroRowsCode, .text = "no rows were read, and each of the last five loads had some"}};
  }
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  if (!band || *middle <= 0) return {};
  const auto text = OutOfBand(rows_read, *middle, *band);
  if (!text) return {};
  return {{.code = kVolumeCode, .text = *text}};
}

std::string AgeText(int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 120 * 60) return std::to_string(seconds / 60) + " min";
  if (seconds < 72 * 3'600) return std::to_string(seconds / 3'600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

Freshness JudgeFreshness(const std::optional<config::FreshnessConfig>& limits, std::optional<Timestamp> newest,
                         std::optional<Timestamp> loaded, Timestamp now) {
  Freshness out;
  const bool by_rows = newest && (!limits || limits->of == config::FreshnessConfig::Of::kRows);
  const std::optional<Timestamp> of = by_rows ? newest : loaded;
  if (of) out.age_seconds = std::max<int64_t>(0, (now.micros - of->micros) / 1'000'000);
  if (!limits) return out;
  const auto over = [&](const std::optional<int64_t>& limit_ms) {
    return limit_ms && (!of || (now.micros - of->micros) / 1'000 > *limit_ms);
  };
  const bool is_error = over(limits->error_after_ms);
  if (!is_error && !over(limits->warn_after_ms)) return out;
  const int64_t limit_ms = is_error ? *limits->error_after_ms : *limits->warn_after_ms;
  const std::string what = by_rows ? "the newest row is " : "the last completed load is ";
  out.late = state::Finding{.code = kLateCode,
                            .text = (of ? what + AgeText(*out.age_seconds) + " old" : std::string("never loaded")) +
                                    ", at most " + AgeText(limit_ms / 1'000) + " wanted",
                            .is_error = is_error};
  return out;
}

void WatchTable(const RunContext& context, const config::TableConfig& table, TableResult* result) {
  std::vector<state::TableRecord> before;
  if (context.history != nullptr) {
    const state::TableRecord key{
        .pipeline = result->pipeline, .table = result->table, .identifier = result->identifier};
    auto read = context.history->RecentTables(context.project.lake.warehouse, key, kRecordsRead);
    if (!read.ok()) log::Warn("run history not read", {{"reason", read.status().message()}});
    if (read.ok()) before = std::move(*read);
  }
  result->ordinary = result->ordinary && IsOrdinary(context.options);
  const bool completed = result->state == TableState::kCompleted;
  if (completed) result->loaded_at = context.loaded_at;
  TakeOver(before, result);
  if (completed && result->ordinary) {
    for (state::Finding& finding : JudgeVolume(result->rows.read, before, table.watch.volume)) {
      result->findings.push_back(std::move(finding));
    }
  }
  if (result->state == TableState::kCancelled) return;
  const Freshness freshness =
      JudgeFreshness(table.watch.freshness, result->fresh_to, result->loaded_at, context.clock.LogicalNow());
  result->age_seconds = freshness.age_seconds;
  if (freshness.late) result->findings.push_back(*freshness.late);
}

std::vector<config::WatchEvent> EventsOf(const TableResult& result) {
  std::vector<config::WatchEvent> events;
  for (const config::WatchEvent event : config::kWatchEvents) {
    if (Happened(result, event)) events.push_back(event);
  }
  return events;
}

}  // namespace firn::pipeline
