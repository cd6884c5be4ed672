#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "pipeline/run_result.h"
#include "pipeline/tuned_setting.h"

namespace firn::pipeline {

/// What servers were found not to bear, from run to run (docs/guide/limits.md): a page size whose requests got no
/// answer, as many requests at a time as were refused. It changes between runs alone, so that no walk over pages has
/// two sizes. Kept as "<state>/tuning/<pipeline>.json", of which nothing must live. Thread-safe.
class Tuner {
 public:
  /// Reads what is kept of the pipelines, where the run tunes them; what cannot be read counts as nothing. Borrows
  /// both.
  Tuner(const RunContext& context, const std::vector<CommitGroup>& groups);

  /// The pipeline as it is to be read: its settings where they are borne, never above what is written. Lives as long as
  /// this.
  const config::PipelineConfig& Tuned(const config::PipelineConfig& pipeline) const;
  /// Learns from a table that was read, under its written configuration: fills result->tuning, and adds the findings
  /// E0628 and E0629.
  void Learn(const config::PipelineConfig& pipeline, const config::TableConfig& table, TableResult* result)
      FIRN_EXCLUDES(mutex_);
  /// After the last table: writes what is other than before. What cannot be written is logged.
  void Keep() FIRN_EXCLUDES(mutex_);

 private:
  struct Pipeline {
    std::unique_ptr<config::PipelineConfig> tuned;  // constant after construction
    std::string location;
    std::string kept;  // the document as it was read; empty: there is none
    TunedSetting concurrency;
    bool was_throttled = false;  // in this run
    bool has_completed = false;
    std::map<std::string, TunedSetting> page_sizes;  // by table
  };

  Pipeline Load(const config::PipelineConfig& pipeline) const;
  void LearnPageSize(const config::TableConfig& table, Pipeline& pipeline, TableResult* result) FIRN_REQUIRES(mutex_);
  void LearnConcurrency(const config::PipelineConfig& config, Pipeline& pipeline, TableResult* result)
      FIRN_REQUIRES(mutex_);

  const RunContext& context_;
  mutable Mutex mutex_;
  std::map<const config::PipelineConfig*, Pipeline> pipelines_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::pipeline
