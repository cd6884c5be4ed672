#include "pipeline/plan_report.h"

#include <nlohmann/json.hpp>

#include "config/diagnostic.h"
#include "connector/native/lower.h"
#include "pipeline/run_plan.h"
#include "pipeline/stream_document.h"
#include "source/rest/source.h"
#include "table/commit/committer.h"

namespace firn::pipeline {
namespace {

using config::WriteDisposition;

std::string WriteText(const config::TableConfig& table, bool full_refresh) {
  std::string text(config::ToString(table.write_disposition));
  if (table.write_disposition == WriteDisposition::kMerge) {
    std::string keys;
    for (const auto& key : table.primary_key) keys += (keys.empty() ? "" : ", ") + key;
    text += " by " + keys;
  }
  return full_refresh ? text + ", everything anew in one overwrite" : text;
}

std::string RawText(const config::RawConfig& raw) {
  if (raw.mode == config::RawConfig::Mode::kOff) return "off";
  return "archive in " + raw.location + ", " + std::to_string(raw.retention_ms / 86'400'000) + " days, unmasked";
}

std::vector<std::string> Warnings(const config::TableConfig& table) {
  std::vector<std::string> out;
  if (table.write_disposition == WriteDisposition::kMerge && table.delete_when.empty()) {
    out.push_back("rows deleted at the source stay in the table");
  }
  if (table.write_disposition == WriteDisposition::kAppend && table.incremental && table.primary_key.empty()) {
    out.push_back("a row changed at the source is appended again; set primary_key to update it");
  }
  return out;
}

Status ReadPosition(const RunContext& context, const CommitGroup& group, const config::TableConfig& table,
                    TablePlanReport* report) {
  const bool anew = context.options.full_refresh || table.write_disposition == WriteDisposition::kReplace;
  ARROW_ASSIGN_OR_RAISE(const auto stream, context.committer.OpenStream(IdentifierOf(*group.pipeline, table),
                                                                        StreamIdOf(*group.pipeline, table)));
  report->exists = stream.table.has_value();
  ARROW_ASSIGN_OR_RAISE(const auto document, ParseStreamDocument(stream.state));
  if (!document.fingerprint.empty() && document.fingerprint != FingerprintOf(*group.pipeline, table) && !anew) {
    return MakeError(Fault::kConfig, "cursor, key, paging or address changed since the last run",
                     {.code = "E0812", .next = "firn run --select " + table.name + " --full-refresh"});
  }
  report->read =
      anew || document.splits.empty() ? "from the beginning" : "on from " + document.splits.front().second.json;
  return Status::OK();
}

}  // namespace

Result<std::vector<TablePlanReport>> PlanProject(const RunContext& context) {
  ARROW_ASSIGN_OR_RAISE(const auto groups, PlanGroups(context.project, context.options.select));
  std::vector<TablePlanReport> plan;
  for (const CommitGroup& group : groups) {
    config::Diagnostics diagnostics;
    ARROW_ASSIGN_OR_RAISE(auto lowered, connector::LowerNative(context.project, *group.pipeline, &diagnostics));
    ARROW_ASSIGN_OR_RAISE(const auto source, source::rest::MakeRestSource(
                                                 std::move(lowered), {.http = &context.http, .clock = &context.clock}));
    for (const auto* table : group.tables) {
      TablePlanReport report{.pipeline = group.pipeline->name,
                             .identifier = IdentifierOf(*group.pipeline, *table).ToString(),
                             .grouped = group.tables.size() > 1,
                             .write = WriteText(*table, context.options.full_refresh),
                             .raw = RawText(table->raw),
                             .choices = table->choices,
                             .warnings = Warnings(*table)};
      ARROW_ASSIGN_OR_RAISE(const auto traits, source->Traits(table->name));
      report.guarantee = GuaranteeOf(*table, traits);
      report.problem = ReadPosition(context, group, *table, &report);
      plan.push_back(std::move(report));
    }
  }
  return plan;
}

std::string ToJson(const std::vector<TablePlanReport>& plan) {
  using Json = nlohmann::ordered_json;
  Json tables = Json::array();
  for (const auto& table : plan) {
    Json choices = Json::array();
    for (const auto& choice : table.choices) {
      choices.push_back({{"field", choice.field}, {"value", choice.value}, {"why", choice.why}});
    }
    tables.push_back({{"table", table.identifier},
                      {"pipeline", table.pipeline},
                      {"action", table.exists ? "update" : "create"},
                      {"write", table.write},
                      {"read", table.read},
                      {"guarantee", ToString(table.guarantee.level)},
                      {"guarantee_why", table.guarantee.why},
                      {"keeps_progress", table.guarantee.keeps_progress},
                      {"raw", table.raw},
                      {"choices", choices},
                      {"warnings", table.warnings},
                      {"problem", table.problem.ok() ? Json(nullptr) : Json(table.problem.message())}});
  }
  return Json{{"version", 1}, {"tables", tables}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace firn::pipeline
