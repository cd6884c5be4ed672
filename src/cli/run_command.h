#pragma once

#include <string>

#include "base/status.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"

namespace firn::cli {

class App;

struct RunRequest {
  pipeline::RunOptions options;
  bool json = false;
  bool json_stream = false;
  bool partial_ok = false;
  bool show_next = true;
  std::string metrics_file = {};  // path; empty: none
};

/// Runs tables of the app's project with progress on stderr and the result where it was asked for; returns the exit
/// code. Shared by run, retry and demo. The result is also kept as <state>/runs/<run id>/result.json.
Result<int> RunTables(App& app, RunRequest request);

/// The same, giving the result to the caller.
Result<pipeline::RunResult> RunTablesForResult(App& app, const RunRequest& request);

}  // namespace firn::cli
