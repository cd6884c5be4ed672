#include "pipeline/table_upkeep.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pipeline/run_plan.h"
#include "table/maintenance/maintenance.h"
#include "table/maintenance/table_statistics.h"

namespace firn::pipeline {
namespace {

// Of a long load with many commits the budget grows with it: else its files would stay small.
table::MaintenanceOptions OptionsOf(const RunContext& context, const config::MaintenanceConfig& config,
                                    int64_t written_bytes) {
  table::MaintenanceOptions options = table::AutomaticMaintenance();
  ApplyMaintenance(config, options.compaction);
  options.budget_bytes = config.budget_is_written ? config.budget_bytes : std::max(config.budget_bytes, written_bytes);
  options.memory_bytes = context.budget.total_bytes() / 4;
  options.threads = context.options.threads;
  options.temporary_folder = context.project.state_folder;
  options.pool = context.pool;
  return options;
}

void Maintain(const RunContext& context, const config::TableConfig& table, const catalog::TableIdentifier& identifier,
              TableResult& result, const std::stop_token& stop) {
  const table::MaintenanceContext maintenance{context.catalog, context.files, context.committer, context.clock};
  const auto report =
      table::MaintainTable(maintenance, identifier, OptionsOf(context, table.maintenance, result.data_bytes), stop);
  if (report.ok()) {
    if (!report->due) return;
    result.files_compacted = report->files_read;
    log::Info("table maintained", {{"table", identifier.ToString()},
                                   {"files_read", report->files_read},
                                   {"files_written", report->files_written},
                                   {"groups_left", report->groups_left}});
    return;
  }
  if (FaultOf(report.status()) == Fault::kCancelled) return;
  result.warnings.push_back("the rows are committed, but small files were not put together: " +
                            report.status().message() + "; run `firn table maintain " + identifier.ToString() + "`");
}

void CountDistinct(const RunContext& context, const config::TableConfig& table,
                   const catalog::TableIdentifier& identifier, TableResult& result, const std::stop_token& stop) {
  const table::StatisticsContext statistics{
      .catalog = context.catalog, .files = context.files, .clock = context.clock, .pool = context.pool};
  const auto report =
      table::UpdateStatistics(statistics, identifier, {.budget_bytes = table.maintenance.budget_bytes}, stop);
  if (!report.ok() && FaultOf(report.status()) == Fault::kCancelled) return;
  if (report.ok() && !report->over_budget) return;
  result.warnings.push_back("the rows are committed, but distinct values were not counted: " +
                            (report.ok() ? "over the budget of `maintenance`" : report.status().message()) +
                            "; run `firn table maintain --statistics " + identifier.ToString() + "`");
}

}  // namespace

void ApplyMaintenance(const config::MaintenanceConfig& config, table::CompactionOptions& options) {
  options.target_file_bytes = config.target_file_bytes.value_or(0);
  options.files_min = static_cast<int>(config.files_min);
  options.bytes_min = config.bytes_min;
  options.deleted_share_min = config.deleted_share_min;
  options.delete_files_max = static_cast<int>(config.delete_files_max);
  options.older_than_ms = config.older_than_ms;
}

void MaintainAfterLoad(const RunContext& context, const CommitGroup& group, std::vector<TableResult>& results,
                       std::stop_token stop) {
  for (size_t i = 0; i < group.tables.size() && i < results.size(); ++i) {
    if (stop.stop_requested()) return;
    if (results[i].num_commits == 0) continue;
    const config::TableConfig& table = *group.tables[i];
    const catalog::TableIdentifier identifier = IdentifierOf(*group.pipeline, table);
    if (table.maintenance.automatic) Maintain(context, table, identifier, results[i], stop);
    if (table.layout.ndv_statistics.value_or(false)) CountDistinct(context, table, identifier, results[i], stop);
  }
}

}  // namespace firn::pipeline
