#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/watch_config.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"
#include "state/run_record.h"

/// What is unusual about a table's load, and how old the table is. Judged after the load; never a reason to fail it.
namespace firn::pipeline {

inline constexpr char kZeroRowsCode[] = "E0940";
inline constexpr char kVolumeCode[] = "E0941";
inline constexpr char kLateCode[] = "E0942";

/// Loads that say what is usual, newest first: completed ones, neither cut nor of a window (TableRecord::ordinary).
inline constexpr size_t kUsualLoadsMin = 5;
inline constexpr size_t kUsualLoadsMax = 10;

/// Findings about `rows_read` of a load that completed. `before`: earlier records of the table, newest first. Pure.
std::vector<state::Finding> JudgeVolume(int64_t rows_read, const std::vector<state::TableRecord>& before,
                                        const std::optional<config::VolumeConfig>& band);

/// How old a table is at a moment.
struct Freshness {
  std::optional<int64_t> age_seconds;  // of what `freshness` looks at; nullopt: never loaded
  std::optional<state::Finding> late;  // older than a limit
};

/// `newest`: of the time column; `loaded`: start of the last run that completed the table. A table that was never
/// loaded is as late as can be. Without a newest value the age is that of the last load. Pure.
Freshness JudgeFreshness(const std::optional<config::FreshnessConfig>& limits, std::optional<Timestamp> newest,
                         std::optional<Timestamp> loaded, Timestamp now);

/// Puts findings, freshness and what the history knows better into the result of a table that a run has ended with.
/// Without a history (or with one that cannot be read) there is nothing to compare with.
void WatchTable(const RunContext& context, const config::TableConfig& table, TableResult* result);

/// The events that happened, in the order of config::kWatchEvents.
std::vector<config::WatchEvent> EventsOf(const TableResult& result);

/// "26 h", "5 min": an age for people.
std::string AgeText(int64_t seconds);

}  // namespace firn::pipeline
