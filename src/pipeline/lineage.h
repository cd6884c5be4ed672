#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "catalog/catalog.h"
#include "config/project.h"
#include "io/http_client.h"
#include "pipeline/lineage_event.h"
#include "pipeline/lineage_settings.h"
#include "pipeline/run_result.h"

namespace firn::pipeline {

/// Tells OpenLineage what the tables of runs do. What cannot be delivered is a warning in the log, and nothing more: a
/// load does not wait for its observers longer than kOneEventMax each and kAllEventsMax in all. Thread-safe.
class LineageEmitter {
 public:
  static constexpr std::chrono::seconds kOneEventMax{5};
  static constexpr std::chrono::seconds kAllEventsMax{30};

  /// All borrowed, and longer-lived than the emitter.
  LineageEmitter(LineageSettings settings, const config::Project& project, io::HttpClient& http, const Clock& clock)
      : settings_(std::move(settings)), project_(project), http_(http), clock_(clock) {}

  /// The table begins to be read.
  void Begin(const std::string& run_id, const config::PipelineConfig& pipeline, const config::TableConfig& table);
  /// The table ended. Asks `catalog` for its schema.
  void End(const std::string& run_id, const config::PipelineConfig& pipeline, const config::TableConfig& table,
           const TableResult& result, catalog::Catalog& catalog);

 private:
  LineageSubject SubjectOf(const std::string& run_id, const config::PipelineConfig& pipeline,
                           const config::TableConfig& table) const {
    return {.settings = settings_, .project = project_, .pipeline = pipeline, .table = table, .run_id = run_id};
  }
  void Send(const std::string& event);
  Status Deliver(const std::string& event) FIRN_REQUIRES(mutex_);
  Status Post(const std::string& event, std::chrono::milliseconds limit) const;
  Status Append(const std::string& event) const;

  const LineageSettings settings_;
  const config::Project& project_;
  io::HttpClient& http_;
  const Clock& clock_;
  Mutex mutex_;  // events of one process are in order
  std::chrono::steady_clock::duration spent_ FIRN_GUARDED_BY(mutex_){};
};

}  // namespace firn::pipeline
