#pragma once

#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "connector/steps/plan.h"
#include "source/download_rows.h"
#include "source/excerpt.h"
#include "source/steps/exchange.h"

namespace firn::source::steps {

/// Runs the steps that one table takes, for one set of inputs. Rows go on as pages come: of each step it holds one
/// page, of a file a part, and of that one row at a time. Used by one thread.
class WorkflowRun {
 public:
  struct Options {
    const connector::steps::WorkflowPlan* plan = nullptr;  // required, borrowed
    std::string table;
    expression::javascript::Value inputs;  // an object
    expression::javascript::Value state;   // an object: what the last run kept; empty: nothing
    Exchange* exchange = nullptr;          // required, borrowed
    const Clock* clock = nullptr;          // required, borrowed
    Excerpt excerpt;
    int64_t memory_bytes = 0;    // of the run; 0: not known
    std::string scratch_folder;  // for downloads; empty: that of the machine
    arrow::MemoryPool* pool = nullptr;
    std::stop_token stop;
    /// Takes a row, a JSON object in one line.
    std::function<Status(const std::string& row_json)> emit;
  };
  explicit WorkflowRun(Options options);

  /// Errors, with step and place: those of requests and expressions; kBadData E0535 for values that are not what a step
  /// needs, E0536 for pages that repeat or do not end; E0542 and E0543 for jobs that fail or take too long.
  Status Run() { return RunWithin(std::nullopt); }

  /// What the next run goes on from, as a JSON object. Called after Run.
  std::string State() const;

 private:
  using Value = expression::javascript::Value;
  using Scope = expression::javascript::Scope;
  // What is known of a step now.
  struct Progress {
    Value item;  // what it is done for
    Value body;
    Value row;
  };
  struct Answer {
    io::HttpResponse response;
    Value body, headers, status, page;
  };

  Status RunWithin(std::optional<size_t> loop);
  Status RunStep(size_t step);
  Status RunFor(size_t step, Value item);
  Status ReadPages(size_t step);
  Result<Answer> Ask(size_t step, int64_t page, const io::HttpRequest& request);
  Result<Answer> Poll(size_t step);
  Status TakeFile(size_t step, const io::HttpRequest& request, const io::HttpResponse& answer);
  Status TakeRows(size_t step, const Answer& answer);
  DownloadOptions FileOf(const connector::steps::StepPlan& plan) const;
  int64_t RowsMax(size_t step) const;
  Status TakeRow(size_t step, Value row);
  Status Emit(const connector::steps::EmitPlan& emit);
  Status Write(const Value& row) const;
  Status Keep(size_t state, const Value& row);
  Scope ScopeFor(size_t step) const;
  Scope ScopeOf(size_t step, const Answer& answer) const;
  Value StepsValue() const;

  const Options options_;
  const connector::steps::WorkflowPlan& plan_;
  const std::set<size_t> needed_;
  Value state_;                               // of this run: declared starts, and what the last run kept
  std::vector<Progress> progress_;            // by step
  std::vector<std::optional<Value>> newest_;  // by state
};

}  // namespace firn::source::steps
