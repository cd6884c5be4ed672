#pragma once

#include <map>
#include <set>
#include <string>

#include "base/status.h"
#include "base/thread_annotations.h"
#include "catalog/catalog.h"
#include "pipeline/run_context.h"
#include "table/commit/garbage.h"

namespace firn::pipeline {

/// Says that a run has files in side tables (quarantine, bodies), so that the files of a killed or failed run are found
/// and removed. Groups of one namespace share a quarantine table, so its staging record belongs to the run.
/// Thread-safe; borrows the context.
class QuarantineStaging {
 public:
  explicit QuarantineStaging(const RunContext& context) : context_(context) {}

  /// Removes what dead runs left in a side table; once. What cannot be removed now is tried again by the next run.
  void Collect(const catalog::TableIdentifier& identifier);
  /// Makes the record of a side table; does nothing the second time.
  Status Begin(const std::string& location);
  /// A group that wrote there failed: its files may be left over, and the next run is to look.
  void Keep(const std::string& location);
  /// Ends the records; after the last commit of the run.
  Status End();

 private:
  const RunContext& context_;
  Mutex mutex_;
  std::set<catalog::TableIdentifier> collected_ FIRN_GUARDED_BY(mutex_);
  std::map<std::string, table::StagingRecord> records_ FIRN_GUARDED_BY(mutex_);  // by location
  std::set<std::string> kept_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::pipeline
