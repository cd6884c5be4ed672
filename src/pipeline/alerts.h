#pragma once

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "pipeline/run_result.h"

namespace firn::io {
class HttpClient;
}

namespace firn::pipeline {

/// What alerts are sent with. Borrowed.
struct AlertContext {
  const config::Project& project;
  io::HttpClient& http;
  const Clock& clock;
};

/// Does what `on:` says for every event of every table, each once, webhooks side by side, and notes what became of it
/// in the tables and the log. Never fails; all of it together takes two minutes at most.
void SendAlerts(const AlertContext& context, RunResult* result);

/// Does what `on: {failure: …}` of project and pipelines says about a run that could not begin: each different alert
/// once.
void SendRunFailure(const AlertContext& context, const Status& error);

}  // namespace firn::pipeline
