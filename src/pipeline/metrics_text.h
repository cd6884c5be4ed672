#pragma once

#include <string>
#include <string_view>

#include "pipeline/run_result.h"

namespace firn::pipeline {

/// Returns the metrics of a run as Prometheus reads them (text exposition format 0.0.4), for its textfile collector.
/// `before`: what the file held, from which counters go on and tables that were not part of this run stay; text that is
/// not ours counts for nothing.
std::string MetricsText(std::string_view before, const RunResult& result);
/// The same of a run that could not begin: its exit code and time; tables stay as they were.
std::string MetricsText(std::string_view before, const Status& error, Timestamp finished);

}  // namespace firn::pipeline
