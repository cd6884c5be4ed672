#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/steps_config.h"
#include "connector/steps/plan.h"
#include "io/http_session.h"
#include "source/excerpt.h"
#include "source/source.h"

namespace firn::source::steps {

struct StepsTable {
  std::string name;
  std::vector<std::string> primary_key;
  bool goes_on = true;  // from the last state; else each run reads everything
  bool appends = false;
  bool finds_deletes = false;  // what a whole read does not give is deleted
};

struct TableSourceOptions {
  connector::steps::WorkflowPlan plan;
  std::string pipeline;
  config::StepsSourceConfig config;
  std::vector<StepsTable> tables;
  const Clock* clock = nullptr;        // required, borrowed
  io::HttpClient* http = nullptr;      // required, borrowed
  io::RateBudgets* budgets = nullptr;  // borrowed; null: budgets of this source alone
  bool background = false;             // as source::Services::background
  std::function<void(const std::string& table, const io::HttpWait& wait)> on_wait;
  int64_t memory_bytes = 0;           // of the run; 0: not known
  std::string scratch_folder;         // for temporary files; empty: that of the machine
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
  Excerpt excerpt;
};

/// The tables that a workflow emits. A table runs the steps that it takes, whose state is its position: it comes with
/// the last rows, so that a run that breaks off is read again from where it began. Each customer is a split.
/// A customer that fails does not stop the others where the table can be told what to read again: it goes on from a
/// state by a merge, and this is not its first run. Then Acknowledge says so with E0540, after the commit.
std::unique_ptr<Source> MakeTableSource(TableSourceOptions options);

}  // namespace firn::source::steps
