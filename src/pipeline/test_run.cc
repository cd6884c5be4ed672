#include "pipeline/test_run.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "base/memory_budget.h"
#include "catalog/registry.h"
#include "io/local_file_store.h"
#include "pipeline/column_extent.h"
#include "pipeline/column_naming.h"
#include "pipeline/progress.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "pipeline/system_columns.h"
#include "query/result_format.h"
#include "table/commit/committer.h"

namespace firn::pipeline {
namespace {

// The project with this pipeline alone, and nothing of what a run does beside loading.
config::Project AloneOf(const TestRunRequest& request) {
  config::Project alone = request.project;
  alone.lake = {.warehouse = request.lake};
  alone.lake.catalog.path = request.lake + "/catalog.db";
  alone.state_folder = request.state;
  alone.state_location.clear();
  alone.alerts = {};
  alone.limits.max_rows.reset();  // how far requests run ahead of a last row is up to chance
  config::PipelineConfig pipeline = request.pipeline;
  pipeline.dataset = kTestDataset;
  pipeline.alerts = {};
  for (config::TableConfig& table : pipeline.tables) {
    table.raw = {};
    table.watch = {};
    table.schema_contract.tables = config::Contract::kEvolve;  // each table is new here
  }
  alone.pipelines = {std::move(pipeline)};
  return alone;
}

Result<std::string> RowText(const arrow::RecordBatch& batch, int64_t row) {
  std::string text = "{";
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (i > 0) text += ",";
    query::AppendJsonText(batch.schema()->field(i)->name(), text);
    text += ":";
    ARROW_RETURN_NOT_OK(query::AppendJsonValue(*batch.column(i), row, text));
  }
  return text + "}";
}

Result<TestedTable> RowsOf(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                           catalog::Catalog& catalog, io::FileStore& files, std::stop_token stop) {
  TestedTable out{.name = table.name};
  ARROW_ASSIGN_OR_RAISE(const auto loaded, catalog.LoadTable(IdentifierOf(pipeline, table)));
  if (!loaded) return out;
  const schema::Schema& schema = loaded->metadata->schema();
  std::vector<schema::Field> fields;
  for (const schema::Field& field : schema.fields) {
    if (IsSystemColumn(table.system_columns, field.name)) continue;
    out.types.emplace_back(field.name, schema::ToString(*field.type));
    fields.push_back(field);
  }
  for (const std::string& path : table.primary_key) {
    if (const auto* column = ColumnOfKey(schema, path)) out.key.push_back(column->name);
  }
  const auto visit = [&](const arrow::RecordBatch& batch) -> Status {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(std::string text, RowText(batch, row));
      out.rows.push_back(std::move(text));
    }
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(VisitLiveRows(files, loaded->metadata, fields, visit, stop));
  std::ranges::sort(out.rows);
  return out;
}

}  // namespace

Status CheckCanRecord(const config::PipelineConfig& pipeline) {
  if (std::holds_alternative<config::RestSourceConfig>(pipeline.source) ||
      std::holds_alternative<config::AirbyteSourceConfig>(pipeline.source)) {
    return Status::OK();
  }
  return MakeError(Fault::kConfig,
                   "the pipeline " + pipeline.name + " reads " + std::string(config::SourceTypeOf(pipeline.source)) +
                       ", and only APIs are recorded (rest, airbyte)",
                   {.code = "E0744",
                    .why = "a tape holds requests and their answers; files are kept as they are",
                    .state = "nothing was recorded",
                    .next = "firn preview TABLE, on small files that are kept beside the project"});
}

Result<std::vector<TestedTable>> RunForTest(const TestRunRequest& request, std::stop_token stop) {
  ARROW_RETURN_NOT_OK(CheckCanRecord(request.pipeline));
  const config::Project project = AloneOf(request);
  const config::PipelineConfig& pipeline = project.pipelines.front();
  const auto files = io::MakeLocalFileStore();
  catalog::CatalogRegistry catalogs;
  ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(catalogs));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, catalogs.Open(project.lake, {.files = *files, .clock = request.clock}));
  const auto committer = table::Committer::Make(*catalog, *files, request.clock, {.engine_version = FIRN_VERSION});
  MemoryBudget budget(request.memory_bytes);
  BudgetedMemoryPool pool(budget, *arrow::default_memory_pool());
  RunProgress progress;
  RunOptions options;
  options.selection.select = request.tables;
  options.excerpt = request.excerpt;
  options.threads = request.threads;
  RunContext context{.project = project,
                     .clock = request.clock,
                     .sources = request.sources,
                     .files = *files,
                     .catalog = *catalog,
                     .committer = *committer,
                     .http = request.http,
                     .history = nullptr,
                     .budget = budget,
                     .pool = &pool,
                     .progress = progress,
                     .options = std::move(options),
                     .run_id = NewRunId(request.clock),
                     .loaded_at = request.clock.LogicalNow(),
                     .leases = request.leases,
                     .secrets = request.secrets,
                     .secrets_folder = request.secrets_folder};
  ARROW_ASSIGN_OR_RAISE(const RunResult result, RunProject(context, stop));
  std::vector<TestedTable> tables;
  for (const TableResult& table : result.tables) {
    if (table.state != TableState::kCompleted) return Within("table " + table.table, table.error);
    ARROW_ASSIGN_OR_RAISE(auto rows, RowsOf(pipeline, *pipeline.FindTable(table.table), *catalog, *files, stop));
    tables.push_back(std::move(rows));
  }
  std::ranges::sort(tables, {}, &TestedTable::name);
  return tables;
}

}  // namespace firn::pipeline
