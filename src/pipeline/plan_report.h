#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "pipeline/guarantee.h"
#include "pipeline/run_context.h"

namespace firn::pipeline {

/// What a run would do with one table. Nothing is read from the source and nothing is written.
struct TablePlanReport {
  std::string pipeline;
  std::string identifier;
  bool exists = false;
  bool grouped = false;  // commits together with its parent or children
  std::string write;     // "merge by id"
  std::string read;      // "from the beginning", "from position {…}"
  Guarantee guarantee;
  std::string raw;  // "archive in /x, 30 days" or "off"
  std::vector<config::Choice> choices;
  std::vector<std::string> warnings;  // what users often overlook
  Status problem;                     // why the table would not run: the stream needs a decision, …
};

Result<std::vector<TablePlanReport>> PlanProject(const RunContext& context);

std::string ToJson(const std::vector<TablePlanReport>& plan);

}  // namespace firn::pipeline
