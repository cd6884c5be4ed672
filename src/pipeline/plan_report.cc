#include "pipeline/plan_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pipeline/adopt.h"
#include "pipeline/configured_schema.h"
#include "pipeline/inference_text.h"
#include "pipeline/new_partition_spec.h"
#include "pipeline/raw_keys.h"
#include "pipeline/raw_table.h"
#include "pipeline/reread.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"
#include "pipeline/stream_document.h"
#include "pipeline/stream_owner.h"
#include "pipeline/types_anew.h"
#include "pipeline/whole_reads.h"
#include "source/registry.h"
#include "state/run_history.h"
#include "table/commit/branch_view.h"
#include "table/commit/committer.h"
#include "table/commit/schema_update.h"
#include "table/commit/writable.h"
#include "table/metadata/live_rows.h"

namespace firn::pipeline {
namespace {

using config::WriteDisposition;

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string MergeText(const config::TableConfig& table) {
  const config::MergeConfig& merge = table.merge;
  const std::string by = " by " + Joined(table.primary_key);
  switch (merge.strategy) {
    case config::MergeStrategy::kInsertOnly:
      return by + ", insert_only: a known key is skipped";
    case config::MergeStrategy::kDeleteInsert:
      return ", delete_insert: all rows of a merge_key (" + Joined(merge.merge_key) + ") of the load are replaced" +
             (table.primary_key.empty() ? "" : ", one row per " + Joined(table.primary_key));
    case config::MergeStrategy::kScd2:
      return by + ", scd2: a changed row is a further version, valid from " +
             (merge.history.changed_at.empty() ? "the run's time" : merge.history.changed_at) +
             (merge.history.retire_missing ? "; a key that is missing ends" : "");
    case config::MergeStrategy::kUpsert:
      break;
  }
  const std::string gone = !merge.missing
                               ? ""
                               : std::string(", a key that a listing of all rows does not give ") +
                                     (merge.deletes == config::Deletes::kSoft ? "is marked as deleted" : "is deleted") +
                                     " (at most " + std::to_string(merge.missing->percent_max) + " % at once)";
  const std::string children = table.replace_children ? ", all rows of a parent that was asked are replaced" : "";
  return by + (merge.sequence_by.empty() ? "" : ", the greatest " + merge.sequence_by + " wins") +
         (merge.deletes == config::Deletes::kSoft ? ", deleted rows stay with " + merge.deleted_at : "") + gone +
         children +
         (merge.mode == config::MergeMode::kCopyOnWrite ? ", copy_on_write: files of rows that go are written again"
                                                        : "");
}

std::string WriteText(const config::TableConfig& table, bool full_refresh) {
  std::string text(config::ToString(table.write_disposition));
  if (table.write_disposition == WriteDisposition::kMerge) text += MergeText(table);
  if (table.overwrite_partitions) text += " of the partitions that occur in the load";
  if (table.dedupe) {
    text += ", rows with a known " + Joined(table.dedupe->key) + " dropped";
    if (table.dedupe->window_ms) {
      text += " within " + std::to_string(*table.dedupe->window_ms / 1000) + " s of " +
              (table.dedupe->by.empty() ? std::string(kLoadedAtColumn) : table.dedupe->by);
    }
  }
  return full_refresh ? text + ", everything anew in one overwrite" : text;
}

std::string RawText(const config::Project& project, const config::PipelineConfig& pipeline,
                    const config::TableConfig& table) {
  const config::RawConfig& raw = table.raw;
  if (raw.mode == config::RawConfig::Mode::kOff) return "off";
  const std::string days = std::to_string(raw.retention_ms / 86'400'000) + " days";
  const bool in_table = raw.mode == config::RawConfig::Mode::kTable;
  const std::string place = in_table ? "table " + RawTableOf(pipeline, table).ToString() : "archive in " + raw.location;
  const std::string text = place + ", " + days + ", unmasked";
  if (!raw.sealed) return text + ", not encrypted";
  if (!raw.key.empty()) return text + ", encrypted with raw.key";
  return text + ", encrypted with " + RawKeyFile(project) + " (back it up: without it the " +
         (in_table ? "bodies" : "archive") + " cannot be read)";
}

std::vector<std::string> Warnings(const config::TableConfig& table, bool full_refresh) {
  std::vector<std::string> out;
  using config::MergeStrategy;
  const config::MergeConfig& merge = table.merge;
  const bool merges = table.write_disposition == WriteDisposition::kMerge;
  const bool ends =
      merge.strategy == MergeStrategy::kDeleteInsert || merge.missing.has_value() || table.replace_children;
  if (merges && merge.missing && table.incremental && !full_refresh) {
    out.push_back(merge.reconcile ? "keys that are missing at the source are deleted by reconcile passes alone"
                                  : "keys that are missing at the source are deleted at --full-refresh and "
                                    "run --reconcile alone; reconcile: {every: 1d} makes passes");
  }
  if (merges && table.delete_when.empty() && !ends) {
    out.push_back("rows deleted at the source stay in the table");
  }
  if (merges && merge.strategy == MergeStrategy::kDeleteInsert && table.incremental) {
    out.push_back("a load replaces all rows of its merge_keys: what is read must hold all of their rows");
  }
  if (merges && !merge.sequence_by.empty() && merge.deletes == config::Deletes::kHard && !table.delete_when.empty()) {
    out.push_back("a row that is older than its deletion comes back if it arrives later; `deletes: soft` remembers");
  }
  if (table.overwrite_partitions) {
    out.push_back("a load replaces its partitions whole: what is read must hold all of their rows");
  }
  const bool rereads = full_refresh && table.write_disposition != WriteDisposition::kReplace;
  if (rereads && table.incremental) {
    out.push_back("--full-refresh replaces all rows by those that the source gives now" +
                  (table.incremental->start.empty() ? std::string() : " from " + table.incremental->start + " on") +
                  ": what it no longer holds is gone from the table (older snapshots keep it for a while)");
  }
  if (table.write_disposition == WriteDisposition::kAppend && table.incremental && table.primary_key.empty()) {
    out.push_back("a row changed at the source is appended again; set primary_key to update it");
  }
  return out;
}

// An audit whose checks failed leaves its loads on the branch.
Status WarnOfWaitingLoads(const RunContext& context, const catalog::TableIdentifier& identifier,
                          TablePlanReport* report) {
  ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(identifier));
  if (!loaded || table::PlaceOf(*loaded->metadata, table::kAuditBranch) != table::BranchPlace::kAhead) {
    return Status::OK();
  }
  report->warnings.push_back(std::string("loads wait on the branch ") + table::kAuditBranch +
                             ": the table shows none of them. The next run checks them again; firn table publish " +
                             report->identifier + " shows them as they are");
  return Status::OK();
}

// As TableLoad: what replaces all rows takes their types.
RowTypes TypesOfRows(const RunContext& context, const config::TableConfig& table, const table::TableMetadata& base) {
  const bool replaces = table.write_disposition == WriteDisposition::kReplace && !table.overwrite_partitions;
  const bool anew = (replaces || context.options.full_refresh) && TakesTypesAnew(table, base);
  return anew ? RowTypes::kAnew : RowTypes::kOfTable;
}

// Columns that only rows will bring are not known yet.
Status PlanChanges(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
                   const std::shared_ptr<const table::TableMetadata>& metadata, TablePlanReport* report) {
  ARROW_ASSIGN_OR_RAISE(const auto configured, ConfigureSchema(context.project, pipeline, table, metadata,
                                                               TypesOfRows(context, table, *metadata)));
  report->changes = configured.changes;
  if (!table.repartitions) return Status::OK();
  const auto wanted = NewPartitionSpec(table, configured.table->schema(), context.project);
  if (!wanted.ok()) return Status::OK();  // its column may come with the rows
  ARROW_ASSIGN_OR_RAISE(const auto spec, table::EvolveSpec(*configured.table, configured.table->schema_ptr(), *wanted));
  if (!spec.changed) return Status::OK();
  report->changes.push_back("~ partitions " + PartitionText(table.partition_by) +
                            " (new files; older files stay, firn table maintain --repartition rewrites them)");
  return Status::OK();
}

std::optional<int64_t> RowsOf(const table::TableMetadata& metadata) {
  const table::Snapshot* snapshot = metadata.CurrentSnapshot();
  return snapshot == nullptr ? std::nullopt : table::LiveRows(*snapshot);
}

// Whether this run is a reconcile pass, and when the next one is due.
std::string PassText(const config::TableConfig& table, const StreamDocument& document, const RunContext& context,
                     bool anew) {
  const auto next = NextPass(table, document, context.loaded_at);
  const bool forced = context.options.reconcile && CanReread(table) && !document.splits.empty();
  if (anew || (!next && !forced)) return "";
  if (!forced && *next > context.loaded_at) return ", next reconcile pass " + FormatTimestamp(*next);
  const auto reread = RereadOf(table, document, context.options.reconcile, context.loaded_at);
  if (!reread || !reread->window_ms) return ", reconcile pass: all rows again";
  return ", reconcile pass: again from " +
         FormatTimestamp({.micros = context.loaded_at.micros - *reread->window_ms * 1'000}) + " on";
}

Status ReadPosition(const RunContext& context, const CommitGroup& group, const config::TableConfig& table,
                    TablePlanReport* report) {
  const bool anew = context.options.full_refresh || table.write_disposition == WriteDisposition::kReplace;
  ARROW_ASSIGN_OR_RAISE(const auto stream,
                        context.committer.OpenStreamOn(BranchOf(table), IdentifierOf(*group.pipeline, table),
                                                       StreamIdOf(*group.pipeline, table)));
  report->exists = stream.table.has_value();
  if (table.audit) ARROW_RETURN_NOT_OK(WarnOfWaitingLoads(context, IdentifierOf(*group.pipeline, table), report));
  if (stream.table) {
    const table::TableMetadata& metadata = *stream.table->metadata;
    report->rows = RowsOf(metadata);
    const bool replaces = table.write_disposition == WriteDisposition::kReplace;
    report->notes = SchemaNotes(metadata.schema(), replaces ? "" : report->identifier);
    const int32_t wanted = table.format_version.value_or(0);
    if (wanted > metadata.format_version) {
      report->warnings.push_back("the next commit upgrades the table from format version " +
                                 std::to_string(metadata.format_version) + " to " + std::to_string(wanted) +
                                 ", for good");
    }
    ARROW_RETURN_NOT_OK(table::CheckWritable(metadata, wanted));
    const std::string where = context.project.WhereIs(table.config_path);
    ARROW_RETURN_NOT_OK(CheckNotForeign(metadata, report->identifier, where));
    if (!anew) ARROW_RETURN_NOT_OK(CheckNotRenamed(metadata, context.project, *group.pipeline, table));
    ARROW_RETURN_NOT_OK(PlanChanges(context, *group.pipeline, table, stream.table->metadata, report));
  }
  ARROW_ASSIGN_OR_RAISE(const auto document, ParseStreamDocument(stream.state));
  ARROW_ASSIGN_OR_RAISE(const std::string fingerprint, FingerprintOf(context.sources, *group.pipeline, table));
  if (!document.fingerprint.empty() && document.fingerprint != fingerprint && !anew) {
    return MakeError(Fault::kConfig,
                     "cursor, key, disposition, paging, address or settings of the source changed since the last run",
                     {.code = "E0812", .next = NextOfOtherRequest(table)});
  }
  report->read = anew || document.splits.empty() ? "from the beginning" : "on from " + ShortPosition(document);
  report->read += PassText(table, document, context, anew);
  report->position = stream.state;
  report->keeps_place = !document.splits.empty();
  if (table.raw.mode != config::RawConfig::Mode::kTable) return Status::OK();
  return CheckTakesBodies(context, *group.pipeline, table);
}

// The last run of each table, by identifier. The history is a convenience: without it there is less to say.
std::map<std::string, state::TableRecord> LastRuns(state::RunHistory* history, const std::string& lake) {
  std::map<std::string, state::TableRecord> last;
  if (history == nullptr) return last;
  const auto tables = history->LatestTables(lake);
  if (!tables.ok()) return last;
  for (const auto& table : *tables) last[table.last.identifier] = table.last;
  return last;
}

void AddWholeReads(const config::TableConfig& table, const state::TableRecord* last, TablePlanReport* report) {
  if (report->keeps_place) return;  // a source that gives what is new
  WholeReads said = JudgeWholeReads(table, report->rows, last);
  if (said.choice) report->choices.push_back(std::move(*said.choice));
  if (!said.warning.empty()) report->warnings.push_back(std::move(said.warning));
}

}  // namespace

Result<std::vector<TablePlanReport>> PlanProject(const RunContext& context) {
  ARROW_ASSIGN_OR_RAISE(const auto groups, PlanGroups(context.project, context.options.selection));
  std::vector<TablePlanReport> plan;
  const auto last_runs = LastRuns(context.history, context.project.lake.warehouse);
  for (const CommitGroup& group : groups) {
    ARROW_ASSIGN_OR_RAISE(
        const auto source,
        context.sources.Build({.project = &context.project, .pipeline = group.pipeline},
                              {.http = &context.http, .clock = &context.clock, .open_files = context.open_files}));
    for (const auto* table : group.tables) {
      TablePlanReport report{.pipeline = group.pipeline->name,
                             .identifier = IdentifierOf(*group.pipeline, *table).ToString(),
                             .grouped = group.tables.size() > 1,
                             .write = WriteText(*table, context.options.full_refresh),
                             .raw = RawText(context.project, *group.pipeline, *table),
                             .choices = table->choices,
                             .warnings = Warnings(*table, context.options.full_refresh)};
      ARROW_ASSIGN_OR_RAISE(const auto traits, source->Traits(table->name));
      report.guarantee = GuaranteeOf(*table, traits);
      report.problem = ReadPosition(context, group, *table, &report);
      const auto last = last_runs.find(report.identifier);
      AddWholeReads(*table, last == last_runs.end() ? nullptr : &last->second, &report);
      if (last != last_runs.end()) {
        for (const std::string& note : last->second.warnings) {
          if (std::find(report.notes.begin(), report.notes.end(), note) == report.notes.end()) {
            report.notes.push_back(note);
          }
        }
      }
      plan.push_back(std::move(report));
    }
  }
  return plan;
}

std::string ToJson(const std::vector<TablePlanReport>& plan, const std::vector<KeptTable>& kept) {
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
                      {"position", Json::parse(table.position.empty() ? "null" : table.position, nullptr, false)},
                      {"guarantee", ToString(table.guarantee.level)},
                      {"guarantee_why", table.guarantee.why},
                      {"keeps_progress", table.guarantee.keeps_progress},
                      {"raw", table.raw},
                      {"choices", choices},
                      {"changes", table.changes},
                      {"warnings", table.warnings},
                      {"notes", table.notes},
                      {"problem", table.problem.ok() ? Json(nullptr) : Json(table.problem.message())}});
  }
  Json left = Json::array();
  for (const KeptTable& table : kept) {
    left.push_back({{"table", table.identifier},
                    {"pipeline", table.pipeline},
                    {"now", table.now.empty() ? Json(nullptr) : Json(table.now)},
                    {"why", KeptText(table)},
                    {"next", KeptNext(table)}});
  }
  return Json{{"version", 1}, {"tables", tables}, {"kept", left}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace firn::pipeline
