#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "pipeline/test_folder.h"
#include "source/registry.h"

namespace firn::io {
class HttpClient;
}
namespace firn::state {
class Leases;
class SecretDocuments;
}  // namespace firn::state

namespace firn::pipeline {

/// A run of one pipeline from its beginning into a lake of its own. All borrowed.
struct TestRunRequest {
  const config::Project& project;
  const config::PipelineConfig& pipeline;  // of it
  std::vector<std::string> tables;         // words of a selection; empty: all
  source::Excerpt excerpt;
  const source::SourceRegistry& sources;
  io::HttpClient& http;
  const Clock& clock;
  std::string lake;   // absolute path of an empty folder, for tables
  std::string state;  // the same, for what a run keeps
  int64_t memory_bytes = 0;
  int threads = 1;
  std::string secrets_folder = {};            // as RunContext's
  state::Leases* leases = nullptr;            // the same
  state::SecretDocuments* secrets = nullptr;  // the same
};

/// Runs the pipeline as `firn run` would, but: nobody is alerted, nothing is archived, the tables are new and lie in
/// the dataset kTestDataset. Returns their rows. Errors: kConfig E0744 for a source that is no API; of the first table
/// that failed.
Result<std::vector<TestedTable>> RunForTest(const TestRunRequest& request, std::stop_token stop);
inline constexpr char kTestDataset[] = "test";

/// Errors: kConfig E0744 for a pipeline whose source is no API.
Status CheckCanRecord(const config::PipelineConfig& pipeline);

}  // namespace firn::pipeline
