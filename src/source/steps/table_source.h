#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

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
};

struct TableSourceOptions {
  connector::steps::WorkflowPlan plan;
  std::string pipeline;
  std::string inputs_json;  // secret
  std::vector<StepsTable> tables;
  const Clock* clock = nullptr;        // required, borrowed
  io::HttpClient* http = nullptr;      // required, borrowed
  io::RateBudgets* budgets = nullptr;  // borrowed; null: budgets of this source alone
  std::function<void(const std::string& table, const io::HttpWait& wait)> on_wait;
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
  Excerpt excerpt;
};

/// The tables that a workflow emits. A table runs the steps that it takes, whose state is its position: it comes with
/// the last rows, so that a run that breaks off is read again from where it began.
std::unique_ptr<Source> MakeTableSource(TableSourceOptions options);

}  // namespace firn::source::steps
