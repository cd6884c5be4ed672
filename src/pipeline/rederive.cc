#include "pipeline/rederive.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "io/file_store.h"
#include "io/raw_archive.h"
#include "pipeline/raw_keys.h"
#include "pipeline/raw_table.h"
#include "pipeline/raw_table_reader.h"
#include "pipeline/run.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"
#include "source/registry.h"
#include "table/commit/ancestry.h"
#include "table/commit/committer.h"
#include "table/commit/stream_token.h"

namespace firn::pipeline {
namespace {

Status NoArchive(const config::TableConfig& table, const std::string& why) {
  return MakeError(Fault::kConfig, table.name + " cannot be rebuilt from its raw archive",
                   {.code = "E0862",
                    .why = why,
                    .state = "nothing was changed",
                    .next = "firn run --select " + table.name + " --full-refresh"});
}

// Of version 1, which keeps the runs of all environments in one folder.
Status OwnerNotTold(int64_t num_runs) {
  return MakeError(Fault::kConfig,
                   "of " + std::to_string(num_runs) +
                       " archived runs it is not known whether their rows are of this table or of another environment",
                   {.code = "E0865",
                    .why = "they were archived by an older firn, which did not note the dataset, and no snapshot of "
                           "the table names them",
                    .state = "nothing was changed"});
}

// The snapshots that made the branch what it is. Where one of them has expired, what is older and still there may be
// one.
std::set<table::SnapshotId> HistoryOf(const table::TableMetadata& metadata, const std::string& branch) {
  std::set<table::SnapshotId> history;
  const table::Snapshot* head = metadata.FindRef(branch);
  for (const auto& ancestry : {table::AncestryOfMain(metadata),
                               head == nullptr ? table::Ancestry{} : table::AncestryOf(metadata, head->snapshot_id)}) {
    for (const table::Snapshot* snapshot : ancestry.snapshots) history.insert(snapshot->snapshot_id);
    if (!ancestry.ends_at_expired) continue;
    const int64_t oldest = ancestry.snapshots.back()->sequence_number;
    for (const auto& snapshot : metadata.snapshots) {
      if (snapshot.sequence_number < oldest) history.insert(snapshot.snapshot_id);
    }
  }
  return history;
}

// The run whose load a snapshot is, of whatever stream; "": it is none.
std::string LoadOf(const table::Snapshot& snapshot) {
  const auto has = [&](const char* key) {
    const auto found = snapshot.summary.find(key);
    return found != snapshot.summary.end() && found->second != "0";
  };
  const auto run = snapshot.summary.find("firn.run");
  const auto operation = snapshot.summary.find("operation");
  const bool rewrites = operation != snapshot.summary.end() && operation->second == "replace";
  if (run == snapshot.summary.end() || rewrites || has(kRederivedKey)) return "";
  if (!has("added-data-files") && !has("deleted-data-files") && !has("added-delete-files")) return "";
  for (auto entry = snapshot.summary.lower_bound(table::kStreamKeyPrefix);
       entry != snapshot.summary.end() && entry->first.starts_with(table::kStreamKeyPrefix); ++entry) {
    const auto token = table::ParseToken(entry->second);
    if (token.ok() && token->run == run->second) return run->second;
  }
  return "";
}

// Which runs rows of the stream came from. A snapshot names the run that made it, or one before that whose position it
// carries on; that one may have been taken back with its position kept.
NamedRuns RunsOfSnapshots(const table::TableMetadata& metadata, const std::string& branch, const std::string& stream) {
  const auto history = HistoryOf(metadata, branch);
  std::set<std::string> made, carried, made_elsewhere, loaded;
  for (const auto& snapshot : metadata.snapshots) {
    if (history.contains(snapshot.snapshot_id)) loaded.insert(LoadOf(snapshot));
    const auto found = snapshot.summary.find(table::StreamKey(stream));
    if (found == snapshot.summary.end()) continue;
    const auto token = table::ParseToken(found->second);
    if (!token.ok()) continue;
    const auto by = snapshot.summary.find("firn.run");
    const bool own = by != snapshot.summary.end() && by->second == token->run;
    if (history.contains(snapshot.snapshot_id)) {
      (own ? made : carried).insert(token->run);
    } else if (own) {
      made_elsewhere.insert(token->run);
    }
  }
  loaded.erase("");
  NamedRuns named{.committed = {made.begin(), made.end()}, .loaded = {loaded.begin(), loaded.end()}};
  std::ranges::set_difference(made_elsewhere, made, std::back_inserter(named.taken_back));
  std::ranges::set_difference(carried, made_elsewhere, std::back_inserter(named.committed));
  return named;
}

Status Judge(const ArchiveMark& mark, const std::string& run, const io::RawKeys& keys, MarkTrust trust) {
  if (trust == MarkTrust::kShown && keys.Find(mark.key_id) == nullptr) return Status::OK();
  return CheckArchiveMark(mark, run, keys);
}

Result<ArchivedRun> ReadArchived(io::FileStore& files, const io::RawArchivePlace& place, const std::string& table_uuid,
                                 const io::RawKeys& keys, MarkTrust trust) {
  ArchivedRun run{.run = place.run, .mark = {}, .dataset = place.dataset};
  if (place.dataset.empty()) run.owner = ArchivedRun::Owner::kUnknown;
  const std::string path = io::RawRunFolder(place) + "/" + kArchiveMark;
  const auto text = files.ReadText(path);
  if (!text.ok()) return io::IsNotFound(text.status()) ? Result<ArchivedRun>(run) : text.status();
  auto mark = ParseArchiveMark(*text);
  if (!mark.ok()) return Within(path, mark.status());
  const ArchiveMark written = *mark;
  run.mark = std::move(*mark);
  run.mark.run = place.run;
  if (!run.mark.table_uuid.empty() && run.mark.table_uuid != table_uuid) run.owner = ArchivedRun::Owner::kOther;
  if (run.owner == ArchivedRun::Owner::kOther) return run;
  ARROW_ASSIGN_OR_RAISE(const auto seal, io::SealOfRun(files, place));
  if (seal && !seal->key_id.empty()) ARROW_RETURN_NOT_OK(Judge(written, place.run, keys, trust));
  return run;
}

// The first commit of a table does not know the table's id; the next run does.
void FillUuids(std::vector<ArchivedRun>* runs) {
  for (auto run = runs->rbegin(); run != runs->rend(); ++run) {
    if (!run->mark.table_uuid.empty()) continue;
    const auto next = std::find_if(run.base(), runs->end(), [&](const ArchivedRun& later) {
      return !later.mark.table_uuid.empty() && later.mark.from == run->mark.to;
    });
    if (next != runs->end()) run->mark.table_uuid = next->mark.table_uuid;
  }
}

Result<std::vector<ArchivedRun>> ListRawTable(const RunContext& context, const config::PipelineConfig& pipeline,
                                              const config::TableConfig& table, const std::string& table_uuid,
                                              const io::RawKeys& keys, MarkTrust trust) {
  ARROW_ASSIGN_OR_RAISE(const RawTable raw,
                        RawTable::Open(context.catalog, context.files, RawTableOf(pipeline, table)));
  std::vector<ArchivedRun> runs;
  for (const auto& [id, rows] : raw.runs()) {
    if (!rows.seal.key_id.empty()) ARROW_RETURN_NOT_OK(Judge(rows.mark, id, keys, trust));
    runs.push_back({.run = id,
                    .mark = rows.mark,
                    .dataset = pipeline.dataset,
                    .began = BeganAt(id),
                    .in_table = true,
                    .seal = rows.seal,
                    .bytes = rows.bytes});
  }
  FillUuids(&runs);
  for (ArchivedRun& run : runs) {
    if (!run.mark.table_uuid.empty() && run.mark.table_uuid != table_uuid) run.owner = ArchivedRun::Owner::kOther;
  }
  return runs;
}

}  // namespace

bool LoadedRange::Holds(const ArchivedRun& run) const {
  if (!from && !to) return true;
  return run.began && (!from || *run.began >= *from) && (!to || *run.began < *to);
}

Result<std::vector<ArchivedRun>> ListArchived(const RunContext& context, const config::PipelineConfig& pipeline,
                                              const config::TableConfig& table, const std::string& table_uuid,
                                              MarkTrust trust) {
  ARROW_ASSIGN_OR_RAISE(const io::RawKeys keys, RawKeysOf(context.project, table));
  ARROW_ASSIGN_OR_RAISE(std::vector<ArchivedRun> runs, ListRawTable(context, pipeline, table, table_uuid, keys, trust));
  io::RawArchivePlace place = ArchivePlaceOf(pipeline, table, "");
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> datasets, io::ListRawDatasets(context.files, place));
  datasets.emplace_back();  // version 1
  for (const std::string& dataset : datasets) {
    place.dataset = dataset;
    ARROW_ASSIGN_OR_RAISE(const auto names, io::ListRawRuns(context.files, place));
    for (const std::string& name : names) {
      place.run = name;
      ARROW_ASSIGN_OR_RAISE(ArchivedRun run, ReadArchived(context.files, place, table_uuid, keys, trust));
      // Under another dataset are other tables' runs, or those from before the table was renamed.
      const bool elsewhere = !dataset.empty() && dataset != pipeline.dataset;
      if (elsewhere && run.mark.table_uuid != table_uuid) run.owner = ArchivedRun::Owner::kOther;
      run.began = BeganAt(name);
      runs.push_back(std::move(run));
    }
  }
  std::ranges::sort(runs, {}, &ArchivedRun::run);  // their ids sort by time
  return runs;
}

namespace {

// Runs that loaded the table and are in no archive. Positions do not tell: a run of a range moves none, and one that
// reads again what was rolled back may come to where an archived one had.
std::set<std::string> NotArchived(const NamedRuns& named, const std::vector<const ArchivedRun*>& runs,
                                  const RederivePlan& plan) {
  std::set<std::string> lacking(named.loaded.begin(), named.loaded.end());
  for (const ArchivedRun* run : runs) lacking.erase(run->run);
  for (const auto* known : {&plan.superseded, &plan.outside}) {
    for (const std::string& run : *known) lacking.erase(run);
  }
  return lacking;
}

}  // namespace

Result<RederivePlan> PlanRederive(const std::vector<ArchivedRun>& archived, const NamedRuns& named,
                                  const std::string& state, bool exact, bool reads_anew, const LoadedRange& range) {
  RederivePlan plan;
  bool ends_early = false;  // committed runs come after those of the range
  std::set<std::string>
      left_at;  // where runs that were taken back had come to: `rollback --position keep` goes on there
  std::vector<const ArchivedRun*> runs;
  int64_t not_told = 0;
  for (const ArchivedRun& run : archived) {
    const bool committed = std::ranges::find(named.committed, run.run) != named.committed.end();
    if (std::ranges::find(named.taken_back, run.run) != named.taken_back.end()) {
      plan.taken_back.push_back(run.run);
      if (!run.mark.to.empty()) left_at.insert(run.mark.to);
      continue;
    }
    if (!committed && run.owner != ArchivedRun::Owner::kTable) {
      not_told += run.owner == ArchivedRun::Owner::kUnknown && !run.mark.run.empty() ? 1 : 0;
      continue;
    }
    if (run.mark.run.empty() && !committed) {
      plan.uncommitted.push_back(run.run);
      continue;
    }
    if (!range.Holds(run)) {
      plan.outside.push_back(run.run);
      ends_early = ends_early || !runs.empty();
      continue;
    }
    if (run.mark.anew || reads_anew) {
      for (const ArchivedRun* before : runs) plan.superseded.push_back(before->run);
      runs.clear();
    }
    runs.push_back(&run);
  }
  if (runs.empty() && not_told > 0) return OwnerNotTold(not_told);
  if (runs.empty()) {
    return MakeError(Fault::kConfig, "no archived run was committed",
                     {.code = "E0860",
                      .why = archived.empty()        ? "the archive is empty"
                             : !plan.outside.empty() ? "none of those that were began in that time"
                                                     : "the archive has runs, none of them committed",
                      .state = "nothing was changed"});
  }
  const auto backfill = std::ranges::find_if(runs, [](const ArchivedRun* run) { return run->mark.backfill; });
  if (backfill != runs.end()) {
    return MakeError(Fault::kConfig, "the table was backfilled, and an archive read as one does not tell how",
                     {.code = "E0864",
                      .why = "rows of run " + (*backfill)->run + " gave way to newer ones that were in the table",
                      .state = "nothing was changed"});
  }
  const std::set<std::string> lacking = NotArchived(named, runs, plan);
  const auto lacks_between = [&](const std::string& after, const std::string& until) {
    const auto next = lacking.upper_bound(after);
    return next != lacking.end() && (until.empty() || *next < until);
  };
  const ArchivedRun* before = nullptr;
  for (const ArchivedRun* run : runs) {
    if (exact && !run->mark.complete) {
      return MakeError(
          Fault::kConfig, "the table appends, and how much of run " + run->run + " was committed is not known",
          {.code = "E0861",
           .why = "the run was stopped between two commits; its last bodies were read again by the next run",
           .state = "nothing was changed"});
    }
    const bool first = before == nullptr;
    const bool goes_on = first ? run->mark.from.empty() || run->mark.run.empty()
                               : before->mark.run.empty() || run->mark.run.empty() ||
                                     before->mark.to == run->mark.from || left_at.contains(run->mark.from);
    const bool begins = first && (run->mark.anew || reads_anew);
    if (!begins && (!goes_on || lacks_between(first ? "" : before->run, run->run)))
      plan.gaps.push_back(first ? "runs before " + run->run : "runs between " + before->run + " and " + run->run);
    plan.runs.push_back(*run);
    if (run->mark.run.empty()) plan.unmarked.push_back(run->run);
    before = run;
  }
  // What each run reads anew, the next one reads, too.
  const bool stands_later = !before->mark.run.empty() && before->mark.to != state && !left_at.contains(state);
  if ((stands_later || lacks_between(before->run, "")) && !(ends_early && reads_anew)) {
    plan.gaps.push_back("runs after " + before->run + (ends_early ? " (no run will read their rows again)" : ""));
  }
  if (!plan.gaps.empty() && not_told > 0) return OwnerNotTold(not_told);
  return plan;
}

namespace {

// Why the archived runs cannot be repeated at all; null: they can.
const char* WhyNotRepeatable(const config::TableConfig& table, const char* one_by_one) {
  if (table.write_disposition == config::WriteDisposition::kMerge && table.replace_children) {
    return "a row went with the answer for its parent that did not give it";
  }
  if (one_by_one != nullptr && table.audit) return "each load waited for its checks before it was published";
  return nullptr;
}

// Why the archived runs, taken as one load, would give another table; null: they would not.
const char* WhyOneByOne(const config::TableConfig& table) {
  using config::MergeStrategy;
  const config::MergeConfig& merge = table.merge;
  const bool merges = table.write_disposition == config::WriteDisposition::kMerge;
  if (table.overwrite_partitions) return "each load replaced the partitions that occurred in it";
  if (table.dedupe && table.dedupe->window_ms && table.dedupe->by.empty()) {
    return "duplicates were told by the time a row was loaded";
  }
  if (!merges) return nullptr;
  if (merge.strategy == MergeStrategy::kDeleteInsert) return "each load replaced the rows of its merge_keys";
  if (merge.missing && !ListingsTellAll(table)) return "a key went with the load that did not give it";
  if (merge.strategy == MergeStrategy::kScd2) return "each load was compared with the versions that were there";
  // A deleted row keeps older ones of its load out, and those of later loads only if it left a row.
  if (!merge.sequence_by.empty() && !table.delete_when.empty()) return "a key that a load deleted came back later";
  return nullptr;
}

// Whether one by one each run has to say when and how it was loaded.
bool NeedsItsLoads(const config::TableConfig& table) {
  using config::MergeStrategy;
  if (table.overwrite_partitions) return false;
  if (table.write_disposition != config::WriteDisposition::kMerge || table.merge.missing) return true;
  // Of hard deletions no row says when they were loaded.
  if (table.merge.strategy == MergeStrategy::kUpsert && table.merge.deletes == config::Deletes::kHard) return false;
  const bool dated = !table.merge.history.changed_at.empty() && table.delete_when.empty();
  return table.merge.strategy != MergeStrategy::kDeleteInsert &&
         !(table.merge.strategy == MergeStrategy::kScd2 && dated);
}

// Why a table of later runs alone would have rows that it never had; null: it has rows as they were loaded.
const char* WhyEarlierRowsMatter(const config::TableConfig& table) {
  using config::MergeStrategy;
  const config::MergeConfig& merge = table.merge;
  if (table.dedupe) return "a row whose key was known was dropped";
  if (table.write_disposition != config::WriteDisposition::kMerge) return nullptr;
  if (merge.strategy == MergeStrategy::kInsertOnly) return "a row whose key was known was skipped";
  if (merge.strategy == MergeStrategy::kScd2) return "a version ends the one before it";
  if (!merge.sequence_by.empty()) return "a row that was older than the table's gave way to it";
  return nullptr;
}

}  // namespace

bool ListingsTellAll(const config::TableConfig& table) {
  const config::MergeConfig& merge = table.merge;
  return merge.missing && merge.strategy == config::MergeStrategy::kUpsert && merge.deletes == config::Deletes::kHard &&
         merge.sequence_by.empty() && !table.incremental;
}

namespace {

// Older archives say nothing of what the runs listed (before version 3), or how they were loaded (before 4).
Status CheckLoads(const RunContext& context, const config::TableConfig& table, const RederivePlan& plan) {
  const bool lists = table.write_disposition == config::WriteDisposition::kMerge && table.merge.missing;
  const bool needs_loads = plan.why_one_by_one != nullptr && NeedsItsLoads(table);
  if (!lists && !needs_loads) return Status::OK();
  const auto silent = std::ranges::find_if(plan.runs, [&](const ArchivedRun& run) {
    return needs_loads ? run.mark.loaded_at.empty() : run.mark.entries == 0;
  });
  if (silent == plan.runs.end()) return Status::OK();
  return MakeError(Fault::kConfig,
                   lists ? "which keys went with run " + silent->run + " is not known"
                         : "when the rows of run " + silent->run + " were loaded is not known",
                   {.code = "E0864",
                    .where = context.project.WhereIs(table.config_path),
                    .why = silent->mark.run.empty() ? "its process died before it said how it was loaded"
                                                    : "an older firn archived it, which did not say so",
                    .state = "nothing was changed",
                    .next = lists && !needs_loads ? "firn run, which lists all keys; then firn rederive " + table.name
                                                  : "firn run --select " + table.name + " --full-refresh"});
}

}  // namespace

Result<RederivePlan> PlanRederive(const RunContext& context, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table, const LoadedRange& range, MarkTrust trust) {
  ARROW_ASSIGN_OR_RAISE(const source::SourceType* type, context.sources.TypeOf(pipeline));
  if (type->replay == nullptr) return NoArchive(table, type->why_no_replay);
  const char* one_by_one = WhyOneByOne(table);
  if (const char* why = WhyNotRepeatable(table, one_by_one)) {
    return MakeError(Fault::kConfig, "the table depends on loads that an archive cannot repeat",
                     {.code = "E0864",
                      .where = context.project.WhereIs(table.config_path),
                      .why = why,
                      .state = "nothing was changed",
                      .next = "firn run --select " + table.name + " --full-refresh"});
  }
  if (const char* why = range.from ? WhyEarlierRowsMatter(table) : nullptr) {
    return MakeError(Fault::kConfig, "the rows of runs since --from depend on rows that came before",
                     {.code = "E0868",
                      .where = context.project.WhereIs(table.config_path),
                      .why = why,
                      .state = "nothing was changed",
                      .next = "firn rederive " + table.name + " without --from"});
  }
  if (table.raw.mode == config::RawConfig::Mode::kOff) return NoArchive(table, "raw is off for this table");
  const std::string stream = StreamIdOf(pipeline, table);
  ARROW_ASSIGN_OR_RAISE(const auto opened,
                        context.committer.OpenStreamOn(BranchOf(table), IdentifierOf(pipeline, table), stream));
  if (!opened.table) return NoArchive(table, "the table does not exist yet");
  ARROW_ASSIGN_OR_RAISE(const auto archived,
                        ListArchived(context, pipeline, table, opened.table->metadata->table_uuid, trust));
  const bool replaces = table.write_disposition == config::WriteDisposition::kReplace && !table.overwrite_partitions;
  const bool appends = table.write_disposition == config::WriteDisposition::kAppend;
  const NamedRuns named = RunsOfSnapshots(*opened.table->metadata, BranchOf(table), stream);
  auto plan = PlanRederive(archived, named, opened.version.hash, appends, replaces, range);
  if (plan.ok()) {
    plan->why_one_by_one = plan->runs.size() > 1 || NeedsItsLoads(table) ? one_by_one : nullptr;
    ARROW_RETURN_NOT_OK(CheckLoads(context, table, *plan));
    const bool soft = table.write_disposition == config::WriteDisposition::kMerge &&
                      table.merge.deletes == config::Deletes::kSoft && !table.delete_when.empty() &&
                      plan->why_one_by_one == nullptr;
    if (soft) plan->notes.push_back("deleted rows will say the time of this rederive in " + table.merge.deleted_at);
    return plan;
  }
  return WithContext(plan.status(), {.where = context.project.WhereIs(table.config_path),
                                     .next = "firn run --select " + table.name + " --full-refresh"});
}

}  // namespace firn::pipeline
