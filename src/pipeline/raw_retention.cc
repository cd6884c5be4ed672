#include "pipeline/raw_retention.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "io/object_location.h"
#include "io/raw_archive.h"
#include "pipeline/quarantine_staging.h"
#include "pipeline/raw_keys.h"
#include "pipeline/raw_table.h"
#include "pipeline/raw_table_reader.h"
#include "pipeline/run.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"
#include "pipeline/side_table.h"
#include "table/commit/committer.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

// What a rederive would read, and why there would be none.
struct Needs {
  std::set<std::string> runs;
  std::set<std::string> superseded;
  std::vector<std::string> gaps;
  std::string why_not;
};

bool SaysNotDerivable(const Status& status) {
  const ErrorContext* context = ContextOf(status);
  if (context == nullptr) return false;
  for (const char* code : {"E0860", "E0861", "E0862", "E0864", "E0865"}) {
    if (context->code == code) return true;
  }
  return false;
}

Result<Needs> FindNeeds(const RunContext& context, const config::PipelineConfig& pipeline,
                        const config::TableConfig& table, MarkTrust trust) {
  Needs needs;
  const auto plan = PlanRederive(context, pipeline, table, {}, trust);
  if (!plan.ok()) {
    if (!SaysNotDerivable(plan.status())) return plan.status();
    const ErrorContext* why = ContextOf(plan.status());
    needs.why_not = plan.status().message() + (why->why.empty() ? "" : ": " + why->why);
    return needs;
  }
  for (const ArchivedRun& run : plan->runs) needs.runs.insert(run.run);
  needs.superseded.insert(plan->superseded.begin(), plan->superseded.end());
  needs.gaps = plan->gaps;
  return needs;
}

RawRun::Use UseOf(const ArchivedRun& run, const Needs& needs) {
  if (needs.runs.contains(run.run)) return RawRun::Use::kNeeded;
  if (needs.superseded.contains(run.run)) return RawRun::Use::kSuperseded;
  if (run.owner == ArchivedRun::Owner::kOther) return RawRun::Use::kOther;
  if (run.mark.run.empty()) return RawRun::Use::kUncommitted;
  return RawRun::Use::kNone;
}

bool IsExpired(const RunContext& context, const config::TableConfig& table, const std::string& run) {
  const auto began = BeganAt(run);
  return began && began->micros < context.clock.Now().micros - table.raw.retention_ms * 1'000;
}

io::RawArchivePlace PlaceOf(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                            const ArchivedRun& run) {
  io::RawArchivePlace place = ArchivePlaceOf(pipeline, table, run.run);
  place.dataset = run.dataset;
  return place;
}

Result<std::string> TableUuid(const RunContext& context, const config::PipelineConfig& pipeline,
                              const config::TableConfig& table) {
  ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(IdentifierOf(pipeline, table)));
  return loaded ? loaded->metadata->table_uuid : std::string();
}

// What a listing shows of a run beside its mark.
Status LookAt(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
              RawRun* run) {
  if (run->archived.in_table) {
    run->seal = run->archived.seal;
    run->bytes = run->archived.bytes;
    return Status::OK();
  }
  const io::RawArchivePlace place = PlaceOf(pipeline, table, run->archived);
  ARROW_ASSIGN_OR_RAISE(const auto files, context.files.List(io::RawRunFolder(place)));
  for (const io::FileInfo& file : files) run->bytes += file.size_bytes;
  ARROW_ASSIGN_OR_RAISE(const auto seal, io::SealOfRun(context.files, place));
  if (seal) run->seal = *seal;
  return Status::OK();
}

// Whether any run is old enough, by the names alone.
Result<bool> AnyExpired(const RunContext& context, const config::PipelineConfig& pipeline,
                        const config::TableConfig& table) {
  if (table.raw.mode != config::RawConfig::Mode::kArchive) {
    ARROW_ASSIGN_OR_RAISE(const RawTable raw,
                          RawTable::Open(context.catalog, context.files, RawTableOf(pipeline, table)));
    if (std::ranges::any_of(raw.runs(), [&](const auto& run) { return IsExpired(context, table, run.first); })) {
      return true;
    }
  }
  io::RawArchivePlace place = ArchivePlaceOf(pipeline, table, "");
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> datasets, io::ListRawDatasets(context.files, place));
  datasets.emplace_back();  // version 1
  for (const std::string& dataset : datasets) {
    place.dataset = dataset;
    ARROW_ASSIGN_OR_RAISE(const auto runs, io::ListRawRuns(context.files, place));
    if (std::ranges::any_of(runs, [&](const std::string& run) { return IsExpired(context, table, run); })) return true;
  }
  return false;
}

// A file beside the runs, or in the state folder: when a sweep last kept some. Reading all marks each minute would cost
// more than it saves.
std::string SweepFile(const RunContext& context, const config::PipelineConfig& pipeline,
                      const config::TableConfig& table) {
  if (table.raw.mode != config::RawConfig::Mode::kArchive) {
    return context.project.state_folder + "/raw/" + pipeline.name + "." + table.name + ".swept";
  }
  return io::FolderOf(io::RawRunFolder(ArchivePlaceOf(pipeline, table, "x"))) + "/SWEPT";
}

bool SweptToday(const RunContext& context, const std::string& file) {
  const auto text = context.files.ReadText(file, 64);
  if (!text.ok()) return false;
  const auto time = ParseTimestamp(*text);
  const int64_t now = context.clock.Now().micros;
  return time.ok() && time->micros <= now && time->micros > now - kDayMicros;
}

}  // namespace

const char* ToString(RawRun::Use use) {
  switch (use) {
    case RawRun::Use::kNeeded:
      return "needed";
    case RawRun::Use::kSuperseded:
      return "superseded";
    case RawRun::Use::kUncommitted:
      return "not committed";
    case RawRun::Use::kOther:
      return "of another table";
    case RawRun::Use::kNone:
      return "not usable";
  }
  return "";
}

Result<RawInventory> TakeRawInventory(const RunContext& context, const config::PipelineConfig& pipeline,
                                      const config::TableConfig& table, MarkTrust trust) {
  ARROW_ASSIGN_OR_RAISE(const io::RawKeys keys, RawKeysOf(context.project, table));
  ARROW_ASSIGN_OR_RAISE(const std::string table_uuid, TableUuid(context, pipeline, table));
  ARROW_ASSIGN_OR_RAISE(const Needs needs, FindNeeds(context, pipeline, table, trust));
  ARROW_ASSIGN_OR_RAISE(auto archived, ListArchived(context, pipeline, table, table_uuid, trust));
  RawInventory out{.runs = {}, .gaps = needs.gaps, .why_not_derivable = needs.why_not};
  for (ArchivedRun& run : archived) {
    // Under another dataset only what this table took is its own.
    const bool elsewhere = !run.dataset.empty() && run.dataset != pipeline.dataset;
    if (elsewhere && run.owner == ArchivedRun::Owner::kOther) continue;
    RawRun entry{.archived = std::move(run)};
    entry.expired = IsExpired(context, table, entry.archived.run);
    entry.use = UseOf(entry.archived, needs);
    ARROW_RETURN_NOT_OK(LookAt(context, pipeline, table, &entry));
    const std::string& key_id = entry.seal.key_id;
    out.num_unchecked += !key_id.empty() && keys.Find(key_id) == nullptr ? 1 : 0;
    out.runs.push_back(std::move(entry));
  }
  return out;
}

Result<std::vector<RawRun>> ListRawAsItLies(const RunContext& context, const config::PipelineConfig& pipeline,
                                            const config::TableConfig& table) {
  std::vector<RawRun> out;
  ARROW_ASSIGN_OR_RAISE(const RawTable raw,
                        RawTable::Open(context.catalog, context.files, RawTableOf(pipeline, table)));
  for (const auto& [id, rows] : raw.runs()) {
    out.push_back(
        {.archived = {.run = id, .mark = rows.mark, .in_table = true, .seal = rows.seal, .bytes = rows.bytes}});
  }
  ARROW_ASSIGN_OR_RAISE(const auto runs, io::ListRawRuns(context.files, ArchivePlaceOf(pipeline, table, "")));
  for (const std::string& run : runs)
    out.push_back({.archived = {.run = run, .mark = {}, .dataset = pipeline.dataset}});
  for (RawRun& run : out) {
    run.archived.began = BeganAt(run.archived.run);
    run.expired = IsExpired(context, table, run.archived.run);
    const Status looked = LookAt(context, pipeline, table, &run);
    if (!looked.ok() && FaultOf(looked) != Fault::kBadData) return looked;  // damage goes as well
  }
  return out;
}

namespace {

// The first segment goes first, so that the rest cannot be taken for the whole; the mark goes last: they are sorted.
Status RemoveFolder(const RunContext& context, const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const auto files, context.files.List(folder));
  for (const io::FileInfo& file : files) ARROW_RETURN_NOT_OK(context.files.Remove(file.location));
  std::error_code error;  // the empty folder; an object store has none
  if (!io::IsObjectLocation(folder)) std::filesystem::remove(folder, error);
  return Status::OK();
}

// Snapshots before the commit would keep the bodies.
Status RemoveRows(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
                  std::set<std::string> runs, std::stop_token stop) {
  RunContext own = context;
  QuarantineStaging staging(own);
  own.quarantine_staging = &staging;
  const SideTable::Identity identity = RawTableIdentity(pipeline, table, "");
  ARROW_ASSIGN_OR_RAISE(const auto opened, own.committer.OpenStream(identity.identifier, identity.stream));
  SideTable side(own, identity);
  side.Remove({.columns = {kRunIdColumn}, .chosen = [runs = std::move(runs)](std::span<const std::string_view> values) {
                 return runs.contains(std::string(values[0]));
               }});
  ARROW_ASSIGN_OR_RAISE(auto staged, side.Stage(opened.state, 0, stop));
  if (staged) {
    const auto committed = own.committer.Commit(std::span(&*staged, 1), stop);
    if (!committed.ok()) side.Abandon();
    ARROW_RETURN_NOT_OK(committed.status());
  }
  ARROW_RETURN_NOT_OK(staging.End());
  const table::RetentionOptions last_alone{.snapshots_min = 1, .snapshots_slack = 0, .thins = false};
  return own.committer.Expire(identity.identifier, last_alone, stop).status();
}

}  // namespace

Status RemoveRawRuns(const RunContext& context, const config::PipelineConfig& pipeline,
                     const config::TableConfig& table, const std::vector<ArchivedRun>& runs, std::stop_token stop) {
  std::set<std::string> in_table;
  for (const ArchivedRun& run : runs) {
    if (run.in_table) {
      in_table.insert(run.run);
    } else {
      ARROW_RETURN_NOT_OK(RemoveFolder(context, io::RawRunFolder(PlaceOf(pipeline, table, run))));
    }
  }
  return in_table.empty() ? Status::OK() : RemoveRows(context, pipeline, table, std::move(in_table), std::move(stop));
}

Result<RawSweep> RemoveExpiredRaw(const RunContext& context, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table, std::stop_token stop) {
  RawSweep sweep;
  const bool is_off = table.raw.mode == config::RawConfig::Mode::kOff;
  if (is_off && !table.raw.retention_written) return sweep;
  ARROW_ASSIGN_OR_RAISE(const bool any, AnyExpired(context, pipeline, table));
  const std::string swept = SweepFile(context, pipeline, table);
  if (!any || (!context.options.full_refresh && SweptToday(context, swept))) return sweep;
  config::TableConfig as_kept = table;  // what rederive needed if raw were on again
  if (is_off) as_kept.raw.mode = config::RawConfig::Mode::kArchive;
  ARROW_ASSIGN_OR_RAISE(const RawInventory inventory,
                        TakeRawInventory(context, pipeline, as_kept, MarkTrust::kChecked));
  std::vector<ArchivedRun> gone;
  for (const RawRun& run : inventory.runs) {
    if (!run.expired || run.archived.run == context.run_id) continue;
    if (run.use == RawRun::Use::kNeeded && inventory.gaps.empty()) {
      ++sweep.kept;
      continue;
    }
    gone.push_back(run.archived);
  }
  ARROW_RETURN_NOT_OK(RemoveRawRuns(context, pipeline, table, gone, std::move(stop)));
  sweep.removed = static_cast<int64_t>(gone.size());
  if (sweep.kept > 0) {
    ARROW_RETURN_NOT_OK(context.files.WriteAtomic(swept, FormatTimestamp(context.clock.Now())));
  }
  return sweep;
}

}  // namespace firn::pipeline
