#pragma once

#include <stop_token>
#include <vector>

#include "config/layout_config.h"
#include "pipeline/group_runner.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"

namespace firn::table {
struct CompactionOptions;
}

namespace firn::pipeline {

/// Puts the triggers of a table's configuration into the options of a compaction.
void ApplyMaintenance(const config::MaintenanceConfig& config, table::CompactionOptions& options);

/// Automatic maintenance of the tables of a group whose load has been committed: small files are put together within a
/// budget, if enough came together since the last time (table::AutomaticMaintenance). Left out for tables without a
/// commit in this run or with `maintenance: off`, and once `stop` is requested. It never fails a load: what went wrong
/// becomes a warning of the table. With `statistics: ndv` distinct values are counted too. `results`: one per table of
/// the group, in its order.
void MaintainAfterLoad(const RunContext& context, const CommitGroup& group, std::vector<TableResult>& results,
                       std::stop_token stop);

}  // namespace firn::pipeline
