#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "pipeline/guarantee.h"
#include "pipeline/kept_tables.h"
#include "pipeline/run_context.h"

namespace firn::pipeline {

/// What a run would do with one table. Nothing is read from the source and nothing is written.
struct TablePlanReport {
  std::string pipeline;
  std::string identifier;
  bool exists = false;
  bool grouped = false;         // commits together with its parent or children
  std::string write;            // "merge by id"
  std::string read;             // "from the beginning", "on from cursor 2026-01-31"
  std::string position;         // JSON: the state of the stream; empty: none
  std::optional<int64_t> rows;  // of the table, deleted ones that are still in its files included
  bool keeps_place = false;     // there is a position from which the next run goes on
  Guarantee guarantee;
  std::string raw;  // "archive in /x, 30 days" or "off"
  std::vector<config::Choice> choices;
  std::vector<std::string> changes;   // of columns and partitions, which the next commit makes: "- column total"
  std::vector<std::string> warnings;  // what users often overlook
  std::vector<std::string> notes;     // choices of typing: those in the table's columns, and what the last run told
  Status problem;                     // why the table would not run: the stream needs a decision, …
};

Result<std::vector<TablePlanReport>> PlanProject(const RunContext& context);

std::string ToJson(const std::vector<TablePlanReport>& plan, const std::vector<KeptTable>& kept);

}  // namespace firn::pipeline
