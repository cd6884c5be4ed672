#include "pipeline/raw_retention.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "io/object_location.h"
#include "io/raw_archive.h"
#include "pipeline/run.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"

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
                        const config::TableConfig& table) {
  Needs needs;
  const auto plan = PlanRederive(context, pipeline, table);
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

// Whether any run but this one is old enough, by the names alone.
Result<bool> AnyExpired(const RunContext& context, const config::PipelineConfig& pipeline,
                        const config::TableConfig& table) {
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

// A file beside the runs: when a sweep last kept some. Reading all marks each minute would cost more than it saves.
std::string SweepFile(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
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
                                      const config::TableConfig& table) {
  ARROW_ASSIGN_OR_RAISE(const std::string table_uuid, TableUuid(context, pipeline, table));
  ARROW_ASSIGN_OR_RAISE(const Needs needs, FindNeeds(context, pipeline, table));
  ARROW_ASSIGN_OR_RAISE(auto archived, ListArchived(context, pipeline, table, table_uuid));
  RawInventory out{.runs = {}, .gaps = needs.gaps, .why_not_derivable = needs.why_not};
  for (ArchivedRun& run : archived) {
    // Under another dataset only what this table took is its own.
    const bool elsewhere = !run.dataset.empty() && run.dataset != pipeline.dataset;
    if (elsewhere && run.owner == ArchivedRun::Owner::kOther) continue;
    const io::RawArchivePlace place = PlaceOf(pipeline, table, run);
    RawRun entry{.archived = {}, .use = UseOf(run, needs), .expired = IsExpired(context, table, run.run)};
    ARROW_ASSIGN_OR_RAISE(const auto seal, io::SealOfRun(context.files, place));
    if (seal) entry.seal = *seal;
    ARROW_ASSIGN_OR_RAISE(const auto files, context.files.List(io::RawRunFolder(place)));
    for (const io::FileInfo& file : files) entry.bytes += file.size_bytes;
    entry.archived = std::move(run);
    out.runs.push_back(std::move(entry));
  }
  return out;
}

Result<std::vector<RawRun>> ListRawAsItLies(const RunContext& context, const config::PipelineConfig& pipeline,
                                            const config::TableConfig& table) {
  std::vector<RawRun> out;
  ARROW_ASSIGN_OR_RAISE(const auto runs, io::ListRawRuns(context.files, ArchivePlaceOf(pipeline, table, "")));
  for (const std::string& run : runs) {
    RawRun entry{.archived = {.run = run, .mark = {}, .dataset = pipeline.dataset, .began = BeganAt(run)},
                 .expired = IsExpired(context, table, run)};
    const io::RawArchivePlace place = PlaceOf(pipeline, table, entry.archived);
    const auto seal = io::SealOfRun(context.files, place);
    if (seal.ok() && *seal) entry.seal = **seal;
    ARROW_ASSIGN_OR_RAISE(const auto files, context.files.List(io::RawRunFolder(place)));
    for (const io::FileInfo& file : files) entry.bytes += file.size_bytes;
    out.push_back(std::move(entry));
  }
  return out;
}

Status RemoveRawRun(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
                    const ArchivedRun& run) {
  const std::string folder = io::RawRunFolder(PlaceOf(pipeline, table, run));
  // Sorted: the first segment goes first, so that the rest cannot be taken for the whole; the mark goes last.
  ARROW_ASSIGN_OR_RAISE(const auto files, context.files.List(folder));
  for (const io::FileInfo& file : files) ARROW_RETURN_NOT_OK(context.files.Remove(file.location));
  std::error_code error;  // the empty folder; an object store has none
  if (!io::IsObjectLocation(folder)) std::filesystem::remove(folder, error);
  return Status::OK();
}

Result<RawSweep> RemoveExpiredRaw(const RunContext& context, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table) {
  RawSweep sweep;
  if (table.raw.mode != config::RawConfig::Mode::kArchive) return sweep;
  ARROW_ASSIGN_OR_RAISE(const bool any, AnyExpired(context, pipeline, table));
  const std::string swept = SweepFile(pipeline, table);
  if (!any || (!context.options.full_refresh && SweptToday(context, swept))) return sweep;
  ARROW_ASSIGN_OR_RAISE(const RawInventory inventory, TakeRawInventory(context, pipeline, table));
  for (const RawRun& run : inventory.runs) {
    if (!run.expired || run.archived.run == context.run_id) continue;
    if (run.use == RawRun::Use::kNeeded && inventory.gaps.empty()) {
      ++sweep.kept;
      continue;
    }
    ARROW_RETURN_NOT_OK(RemoveRawRun(context, pipeline, table, run.archived));
    ++sweep.removed;
  }
  if (sweep.kept > 0) {
    ARROW_RETURN_NOT_OK(context.files.WriteAtomic(swept, FormatTimestamp(context.clock.Now())));
  }
  return sweep;
}

}  // namespace firn::pipeline
