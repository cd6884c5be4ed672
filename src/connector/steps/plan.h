#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "config/files_config.h"
#include "config/job_config.h"
#include "config/steps_workflow.h"
#include "connector/steps/text_template.h"
#include "connector/steps/value_tree.h"

/// What a workflow does, ready to be run (source/steps). Plain data, immutable; steps are named by their index.
namespace firn::connector::steps {

struct RequestPlan {
  std::string method = "GET";
  TextTemplate url;
  bool host_is_given = true;  // false: an answer says where the request goes
  std::vector<std::pair<std::string, TextTemplate>> headers;
  ValueTree params;  // kAbsent: none
  ValueTree json;
  ValueTree form;
};

struct ThrottlePlan {
  double requests_per_second = 0;
  int burst = 1;
};

/// A request that is made again until a job is done.
struct PollPlan {
  TextTemplate until;
  std::optional<TextTemplate> fail;
  config::PollTimes times;
};

struct StepPlan {
  std::string id;
  std::string where;  // "orders.steps.json:12:5"
  RequestPlan request;
  std::optional<PollPlan> poll;                    // its last answer is the one of the step
  std::optional<config::DownloadConfig> download;  // its rows are those of the file that it is answered with
  std::optional<TextTemplate> next;                // of the next page; nullopt: there is one page
  int64_t pages_max = 1;
  std::optional<TextTemplate> rows;      // nullopt: nothing takes its rows
  std::optional<size_t> loop;            // the step for whose rows it is done, each time; nullopt: once
  std::optional<TextTemplate> for_each;  // it is done for each item of this list
  std::optional<ThrottlePlan> throttle;
  std::set<size_t> needs;  // earlier steps without which it cannot be done
};

struct EmitPlan {
  std::string table;
  std::string where;
  size_t from = 0;
  std::optional<TextTemplate> when;
  std::optional<TextTemplate> transform;
  std::set<size_t> needs;
};

struct StatePlan {
  std::string name;
  std::string where;
  javascript::Value start;
  size_t from = 0;
  TextTemplate max;
};

struct InputPlan {
  std::string name;
  javascript::Value otherwise;  // undefined: the input is required
  bool secret = false;
};

struct WorkflowPlan {
  std::string name;
  std::vector<InputPlan> inputs;
  std::vector<StepPlan> steps;
  std::vector<EmitPlan> emits;
  std::vector<StatePlan> states;
  std::optional<ThrottlePlan> throttle;

  /// The steps that the rows of a table take, ascending.
  std::set<size_t> StepsOf(const std::string& table) const;
  /// True if runs that read a table say where the next one goes on.
  bool KeepsState(const std::string& table) const;
};

/// Makes the plan; offline. Findings go to `diagnostics` with their places in the workflow's file. Errors: kConfig, the
/// first of them: E0531 for steps that make no sense together, E0534 for expressions.
Result<WorkflowPlan> PlanWorkflow(const config::Workflow& workflow, config::Diagnostics* diagnostics);

}  // namespace firn::connector::steps
