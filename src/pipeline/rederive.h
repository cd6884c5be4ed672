#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/project.h"
#include "pipeline/archive_mark.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"

namespace firn::io {
class FileStore;
}

/// Rebuilds a table from its raw archive, without its source.
namespace firn::pipeline {

struct RederivePlan {
  std::vector<std::string> runs;         // read in this order
  std::vector<std::string> uncommitted;  // archived, but never committed: the next run read their rows again
  std::vector<std::string> superseded;   // before the last run that read everything anew
  std::vector<std::string> gaps;         // what the archive does not hold, for people; empty: nothing is missing
};

/// Archived runs of a table as they lie there, in order. A run without a mark has an empty `mark.run`.
struct ArchivedRun {
  std::string run;
  ArchiveMark mark;
};

/// Decides which runs make the table. Pure. `state`: hash of the stream's state now, "" if there is none;
/// `committed`: runs that live snapshots name. `exact`: every row must be read just once (append).
/// Errors: kConfig E0860 no run was committed; E0861 `exact`, and a run's share of its bodies is not known.
Result<RederivePlan> PlanRederive(const std::vector<ArchivedRun>& archived, const std::vector<std::string>& committed,
                                  const std::string& state, bool exact, bool reads_anew);

/// Lists and plans. Errors: as PlanRederive; kConfig E0862 when the table has no archive or does not exist.
Result<RederivePlan> PlanRederive(const RunContext& context, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table);

/// Reads the planned runs through the configuration as it is now and publishes the table in one overwrite; where its
/// source goes on reading stays as it was. Nothing is archived again.
Result<TableResult> Rederive(const RunContext& context, const config::PipelineConfig& pipeline,
                             const config::TableConfig& table, const RederivePlan& plan, std::stop_token stop);

}  // namespace firn::pipeline
