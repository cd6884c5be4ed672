#include "source/steps/type.h"

#include "config/diagnostic.h"
#include "source/download_rows.h"
#include "source/steps/table_source.h"

namespace firn::source::steps {
namespace {

Result<connector::steps::WorkflowPlan> PlanOf(const PipelineContext& context) {
  const auto& source = std::get<config::StepsSourceConfig>(context.pipeline->source);
  FIRN_CHECK(source.workflow != nullptr);  // a project with errors is not run
  config::Diagnostics own;
  ARROW_ASSIGN_OR_RAISE(
      connector::steps::WorkflowPlan plan,
      connector::steps::PlanWorkflow(*source.workflow, context.diagnostics == nullptr ? &own : context.diagnostics));
  for (const connector::steps::StepPlan& step : plan.steps) {
    if (!step.download) continue;
    const Status sound = CheckDownload(*step.download);
    if (!sound.ok()) return WithContext(Within("step " + step.id, sound), {.where = step.where});
  }
  return plan;
}

Result<std::unique_ptr<Source>> Build(const PipelineContext& context, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(connector::steps::WorkflowPlan plan, PlanOf(context));
  TableSourceOptions options{.plan = std::move(plan),
                             .pipeline = context.pipeline->name,
                             .config = std::get<config::StepsSourceConfig>(context.pipeline->source),
                             .tables = {},
                             .clock = services.clock,
                             .http = services.http,
                             .budgets = services.budgets,
                             .background = services.background,
                             .on_wait = services.on_wait,
                             .memory_bytes = services.memory_bytes,
                             .scratch_folder = services.scratch_folder,
                             .pool = services.pool,
                             .excerpt = services.excerpt};
  for (const config::TableConfig& table : context.pipeline->tables) {
    options.tables.push_back({.name = table.name,
                              .primary_key = table.primary_key,
                              .goes_on = table.write_disposition != config::WriteDisposition::kReplace,
                              .appends = table.write_disposition == config::WriteDisposition::kAppend,
                              .finds_deletes = table.merge.missing.has_value()});
  }
  return MakeTableSource(std::move(options));
}

// Asks for the first page of the first table.
Result<std::string> Probe(const PipelineContext& context, const Services& services, std::stop_token stop) {
  Services little = services;
  little.excerpt = {.pages_max = 1, .chains_max = 1};
  ARROW_ASSIGN_OR_RAISE(const auto source, Build(context, little));
  ReadRequest request;
  request.table = source->tables().front();
  ARROW_ASSIGN_OR_RAISE(const auto splits, source->Plan(request, stop));
  ARROW_ASSIGN_OR_RAISE(const auto reader, source->OpenSplit(request, splits.front()));
  ARROW_RETURN_NOT_OK(reader->Next(stop).status());
  return "the workflow's first page of " + request.table + " can be read";
}

Result<std::vector<ReadingNote>> Describe(const PipelineContext&, const config::TableConfig& table, const Batch&,
                                          const io::HttpHeaders*) {
  return std::vector<ReadingNote>{{"emit", table.name, "declared"}};
}

}  // namespace

SourceType Type() {
  SourceType type{.name = "steps"};
  type.validate = [](const PipelineContext& context) { return PlanOf(context).status(); };
  type.build = Build;
  // A state means the same to a corrected workflow; other inputs may mean other data.
  type.identity = [](const config::PipelineConfig& pipeline, const config::TableConfig& table) {
    return "steps\n" + table.name + "\n" + std::get<config::StepsSourceConfig>(pipeline.source).written_json + "\n";
  };
  type.probe = Probe;
  type.describe = Describe;
  type.why_no_replay = "its source is a workflow, and nothing is archived of what workflows read";
  return type;
}

}  // namespace firn::source::steps
