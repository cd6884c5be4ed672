#include "pipeline/table_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "pipeline/reread.h"
#include "pipeline/run_plan.h"
#include "pipeline/table_record.h"
#include "pipeline/table_watch.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

const config::TableConfig* ConfigOf(const config::Project& project, const state::TableRecord& record) {
  const config::PipelineConfig* pipeline = project.FindPipeline(record.pipeline);
  const config::TableConfig* table = pipeline == nullptr ? nullptr : pipeline->FindTable(record.table);
  // Another environment's table of that name has limits of its own.
  return table != nullptr && IdentifierOf(*pipeline, *table).ToString() == record.identifier ? table : nullptr;
}

JudgedTable Judge(const config::TableConfig* config, state::TableStatus status, Timestamp now) {
  JudgedTable out{.status = std::move(status)};
  state::TableRecord& last = out.status.last;
  std::erase_if(last.findings, [](const state::Finding& finding) { return finding.code == kLateCode; });
  if (!last.loaded_at) last.loaded_at = out.status.last_success;
  const auto limits = config == nullptr ? std::nullopt : config->watch.freshness;
  const Freshness freshness = JudgeFreshness(limits, last.fresh_to, last.loaded_at, now);
  out.age_seconds = freshness.age_seconds;
  if (freshness.late) last.findings.push_back(*freshness.late);
  if (config != nullptr && last.loaded_at) out.next_pass = PassAfter(*config, last.reconciled_at, now);
  return out;
}

}  // namespace

std::vector<JudgedTable> JudgeTables(const config::Project& project, std::vector<state::TableStatus> latest,
                                     Timestamp now) {
  std::vector<JudgedTable> tables;
  for (state::TableStatus& status : latest) {
    const config::TableConfig* config = ConfigOf(project, status.last);
    tables.push_back(Judge(config, std::move(status), now));
  }
  for (const config::PipelineConfig& pipeline : project.pipelines) {
    for (const config::TableConfig& table : pipeline.tables) {
      const auto same = [&](const JudgedTable& other) {
        return other.status.last.pipeline == pipeline.name && other.status.last.table == table.name &&
               other.status.last.identifier == IdentifierOf(pipeline, table).ToString();
      };
      if (!table.watch.freshness || std::ranges::any_of(tables, same)) continue;
      state::TableStatus status;
      status.last.pipeline = pipeline.name;
      status.last.table = table.name;
      status.last.identifier = IdentifierOf(pipeline, table).ToString();
      tables.push_back(Judge(&table, std::move(status), now));
      tables.back().never = true;
    }
  }
  return tables;
}

Json JudgedJson(const JudgedTable& table) {
  Json out = RecordJson(table.status.last);
  if (table.never) out["state"] = "never";
  out["freshness"]["age_seconds"] = table.age_seconds ? Json(*table.age_seconds) : Json(nullptr);
  out["run_id"] = table.never ? Json(nullptr) : Json(table.status.run_id);
  out["last_success"] = table.status.last_success ? Json(FormatTimestamp(*table.status.last_success)) : Json(nullptr);
  out["failures_in_a_row"] = table.status.failures_in_a_row;
  out["next_reconcile"] = table.next_pass ? Json(FormatTimestamp(*table.next_pass)) : Json(nullptr);
  return out;
}

int StatusExitCode(const std::vector<JudgedTable>& tables, bool strict) {
  int code = 0;
  for (const JudgedTable& table : tables) {
    const state::TableRecord& last = table.status.last;
    if (last.state == state::TableState::kFailed) return 3;
    const auto counts = [strict](const state::Finding& finding) { return finding.is_error || strict; };
    if (std::ranges::any_of(last.findings, counts)) code = 6;
  }
  return code;
}

}  // namespace firn::pipeline
