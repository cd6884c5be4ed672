#include "table/maintenance/maintenance.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"
#include "table/commit/ancestry.h"
#include "table/commit/garbage.h"
#include "table/commit/stream_token.h"
#include "table/commit/writable.h"
#include "table/maintenance/rewrite.h"
#include "table/maintenance/unused_specs.h"
#include "table/write/file_layout.h"

namespace firn::table {
namespace {

constexpr int kConflictsMax = 3;  // of one call; then a writer is faster than we are
constexpr int64_t kSmallManifestBytes = int64_t{4} << 20;

// Rewriting could make the history look as if a rolled-back stream had gone on.
Status CheckStreams(const TableMetadata& metadata) {
  for (const auto& [key, value] : metadata.properties) {
    if (!key.starts_with(kStreamKeyPrefix)) continue;
    ARROW_RETURN_NOT_OK(FindToken(metadata, std::string_view(key).substr(sizeof(kStreamKeyPrefix) - 1)).status());
  }
  return Status::OK();
}

/// What a rewrite of all files leads to; two calls of the same kind have the same.
std::string KindOf(const TableMetadata& metadata, const CompactionOptions& options, const RowOrder& order) {
  std::string kind = options.strategy == CompactionOptions::Strategy::kSort ? "sort" : "pack";
  kind += ";spec=" + std::to_string(metadata.default_spec_id) + ";version=" + std::to_string(metadata.format_version);
  for (const SortField& field : order.order.fields) {
    kind += ";" + std::to_string(field.source_id) + ":" + ToString(field.transform) + (field.ascending ? ":a" : ":d") +
            (field.nulls_first ? ":f" : ":l");
  }
  for (const int32_t id : order.zorder) kind += ";z" + std::to_string(id);
  return kind;
}

/// Up to which sequence number an interrupted rewrite of that kind goes; nullopt if the last one was finished.
std::optional<int64_t> UnfinishedRewrite(const TableMetadata& metadata, const std::string& kind) {
  for (const Snapshot* snapshot : AncestryOfMain(metadata).snapshots) {
    const auto entry = snapshot->summary.find(kRewriteKey);
    if (entry == snapshot->summary.end()) continue;
    std::istringstream text(entry->second);
    int64_t upto = 0, left = 0;
    std::string of;
    if (!(text >> upto >> left >> of) || of != kind || left <= 0) return std::nullopt;
    return upto;
  }
  return std::nullopt;
}

/// One call of MaintainTable.
class Maintenance {
 public:
  Maintenance(const MaintenanceContext& context, catalog::TableIdentifier identifier, MaintenanceOptions options,
              std::stop_token stop)
      : context_(context), identifier_(std::move(identifier)), options_(std::move(options)), stop_(std::move(stop)) {
    report_.identifier = identifier_;
  }
  Result<MaintenanceReport> Run();

 private:
  Result<catalog::LoadedTable> Load();
  Status Reload();
  void CollectLeftovers();
  Status Begin();
  Status Compact();
  Result<CompactionOptions> PrepareCompaction();
  void CutToBudget();
  void NotePlan();
  Status RewriteGroups();
  Status Rewrite(const CompactionGroup& group);
  Status Commit(StagedTable staged);
  Status DropDangling();
  Status MergeManifests();
  Status Expire();
  Status HandleOrphans();
  StagedTable NewCommit() const;
  bool Changed(const CompactionGroup& group, const Inventory& inventory) const;

  const MaintenanceContext context_;
  const catalog::TableIdentifier identifier_;
  MaintenanceOptions options_;
  const std::stop_token stop_;
  Inventory inventory_;  // of the last table seen
  CompactionPlan plan_;
  CompactionOptions compaction_;  // with what this call found out
  std::string rewrite_kind_;      // not empty: all files are rewritten
  std::optional<StagingRecord> staging_;
  int num_conflicts_ = 0;
  MaintenanceReport report_;
};

Result<catalog::LoadedTable> Maintenance::Load() {
  ARROW_ASSIGN_OR_RAISE(auto table, context_.catalog.LoadTable(identifier_));
  if (!table) return MakeError(Fault::kConfig, "there is no table " + identifier_.ToString(), {.next = "firn tables"});
  return *std::move(table);
}

Status Maintenance::Reload() {
  ARROW_ASSIGN_OR_RAISE(const auto table, Load());
  ARROW_ASSIGN_OR_RAISE(inventory_, Inventory::Load(context_.files, table));
  return Status::OK();
}

// Of earlier maintenance or runs that were killed.
void Maintenance::CollectLeftovers() {
  const auto load = [this] { return context_.catalog.LoadTable(identifier_); };
  const auto garbage = CollectGarbage(context_.files, inventory_.metadata().location, load, context_.clock,
                                      GarbageOptions::For(context_.catalog.traits()));
  if (!garbage.ok()) report_.notes.push_back("files of dead runs not collected: " + garbage.status().message());
}

// Durable before the first file of ours.
Status Maintenance::Begin() {
  if (staging_) return Status::OK();
  auto begun = StagingRecord::Begin(context_.files, inventory_.metadata().location, options_.run, context_.clock);
  ARROW_RETURN_NOT_OK(begun.status());
  staging_.emplace(*std::move(begun));
  return Status::OK();
}

StagedTable Maintenance::NewCommit() const {
  return {.identifier = identifier_,
          .base = inventory_.table().metadata,
          .mode = WriteMode::kRewrite,
          .run = options_.run,
          .extra_summary = {{"firn.maintenance", options_.run}}};
}

Status Maintenance::Commit(StagedTable staged) {
  ARROW_RETURN_NOT_OK(Begin());
  FIRN_FAILPOINT("maintain.before_commit");
  ARROW_ASSIGN_OR_RAISE(const auto committed, context_.committer.Commit({&staged, 1}, stop_));
  FIRN_FAILPOINT("maintain.committed");
  ARROW_ASSIGN_OR_RAISE(inventory_, Inventory::Load(context_.files, committed.front().table));
  return Status::OK();
}

std::vector<std::string> KeysOf(const std::vector<DeleteEntry>& entries) {
  std::vector<std::string> keys;
  for (const DeleteEntry& entry : entries) keys.push_back(FileKeyOf(entry->file));
  return keys;
}

// What leaves the table with the files of `paths`.
std::vector<std::string> RemovedWith(const Inventory& inventory, const std::vector<std::string>& paths) {
  std::vector<std::string> removed = paths;
  for (std::string& key : KeysOf(inventory.DanglingWithout({paths.begin(), paths.end()}))) {
    removed.push_back(std::move(key));
  }
  return removed;
}

// True if a file of the group left the table, or got deletes that its rewritten rows would not have.
bool Maintenance::Changed(const CompactionGroup& group, const Inventory& inventory) const {
  for (const CompactionBin& bin : group.bins) {
    for (const Inventory::File& file : bin.files) {
      const Inventory::File* now = inventory.Find(file.entry->file.file_path);
      const bool same = now != nullptr && now->entry->sequence_number == file.entry->sequence_number;
      if (!same || !SameDeletes(now->deletes, file.deletes)) return true;
    }
  }
  return false;
}

Status ChangedMeanwhile() {
  return MakeError(Fault::kConflict, "another writer changed files while they were rewritten");
}

Status Maintenance::Rewrite(const CompactionGroup& group) {
  if (Changed(group, inventory_)) return ChangedMeanwhile();
  ARROW_RETURN_NOT_OK(Begin());
  ARROW_ASSIGN_OR_RAISE(const RewrittenGroup rewritten, RewriteGroup(context_.files, inventory_, group,
                                                                     {.run = options_.run,
                                                                      .order = compaction_.order,
                                                                      .target_file_bytes = plan_.target_file_bytes,
                                                                      .memory_bytes = options_.memory_bytes,
                                                                      .threads = options_.threads,
                                                                      .temporary_folder = options_.temporary_folder,
                                                                      .pool = options_.pool,
                                                                      .clock = &context_.clock},
                                                                     stop_));
  FIRN_FAILPOINT("maintain.group_written");
  StagedTable staged = NewCommit();
  staged.added = rewritten.added;
  staged.removed = RemovedWith(inventory_, rewritten.removed);
  const std::string left = std::to_string(report_.groups_planned - report_.groups_committed - 1);
  staged.extra_summary[kCompactionKey] = left;
  if (!rewrite_kind_.empty()) {
    staged.extra_summary[kRewriteKey] = std::to_string(*compaction_.rewrite_upto) + " " + left + " " + rewrite_kind_;
  }
  auto num_removed = static_cast<int64_t>(staged.removed.size());
  staged.replan = [&](const catalog::LoadedTable& parent, std::stop_token) -> Result<RowDelta> {
    ARROW_ASSIGN_OR_RAISE(const Inventory now, Inventory::Load(context_.files, parent));
    if (Changed(group, now) && !failpoint::SeededBug("compact_over_new_deletes")) return ChangedMeanwhile();
    RowDelta delta{.added = rewritten.added, .removed = RemovedWith(now, rewritten.removed)};
    num_removed = static_cast<int64_t>(delta.removed.size());
    return delta;
  };
  const Status committed = Commit(std::move(staged));
  if (!committed.ok()) {
    // Of a commit in doubt the files stay; what nothing refers to is collected later.
    const bool in_doubt = FaultOf(committed) == Fault::kOutcomeUnknown;
    for (const DataFile& file : rewritten.added) {
      if (!in_doubt) static_cast<void>(context_.files.Remove(file.file_path));
    }
    return committed;
  }
  ++report_.groups_committed;
  report_.files_read += group.num_files;
  report_.bytes_read += group.num_bytes;
  report_.files_written += static_cast<int64_t>(rewritten.added.size());
  for (const DataFile& file : rewritten.added) report_.bytes_written += file.file_size_bytes;
  report_.rows_deleted += rewritten.rows_deleted;
  report_.delete_files_removed += num_removed - static_cast<int64_t>(rewritten.removed.size());
  return Status::OK();
}

void Maintenance::NotePlan() {
  report_.groups_planned = report_.groups_committed + static_cast<int64_t>(plan_.groups.size());
  if (num_conflicts_ > 0) return;
  const auto note = [&](int64_t count, const char* why) {
    if (count > 0) report_.notes.push_back(std::to_string(count) + " files left alone: " + why);
  };
  note(plan_.kept_sorted, "their sort order is not one this build can keep");
  note(plan_.kept_format, "they are not Parquet");
}

// A group after the first must fit into what is left; so a budget smaller than a file still gets somewhere.
void Maintenance::CutToBudget() {
  if (options_.budget_bytes <= 0) return;
  int64_t sum = report_.bytes_read;
  size_t keep = 0;
  while (keep < plan_.groups.size() && (sum == 0 || sum + plan_.groups[keep].num_bytes <= options_.budget_bytes)) {
    sum += plan_.groups[keep++].num_bytes;
  }
  report_.groups_left = static_cast<int64_t>(plan_.groups.size() - keep);
  plan_.groups.resize(keep);
}

Status Maintenance::RewriteGroups() {
  for (const CompactionGroup& group : plan_.groups) {
    if (stop_.stop_requested()) return MakeError(Fault::kCancelled, "stopped between two groups");
    const Status status = Rewrite(group);
    if (status.ok()) continue;
    if (FaultOf(status) != Fault::kConflict) return status;
    ++num_conflicts_;
    return status;
  }
  return Status::OK();
}

Result<CompactionOptions> Maintenance::PrepareCompaction() {
  CompactionOptions compaction = options_.compaction;
  compaction.now_ms = context_.clock.Now().micros / 1000;
  const TableMetadata& metadata = inventory_.metadata();
  const bool sorts = compaction.strategy == CompactionOptions::Strategy::kSort;
  const RowOrder order = compaction.order.value_or(LayoutOf(metadata).order);
  if (sorts && !CanSort(order, metadata.schema())) {
    return MakeError(
        Fault::kConfig,
        order.sorts() ? "its rows cannot be put into that order" : "the table has no sort order, and none was given",
        {.state = "nothing was changed", .next = "firn table maintain TABLE --sort 'zorder(a, b)'"});
  }
  if (sorts || options_.rewrite_all) {
    rewrite_kind_ = KindOf(metadata, compaction, order);
    const auto unfinished = UnfinishedRewrite(metadata, rewrite_kind_);
    report_.continued = unfinished.has_value();
    compaction.rewrite_upto = unfinished.value_or(metadata.last_sequence_number);
  }
  if (options_.budget_bytes > 0) {
    compaction.group_bytes_max = std::min(compaction.group_bytes_max, options_.budget_bytes);
    compaction.bin_bytes_max = compaction.group_bytes_max;
    compaction.sort_bytes_max = std::min(compaction.sort_bytes_max, options_.budget_bytes);
  }
  return compaction;
}

Status Maintenance::Compact() {
  ARROW_ASSIGN_OR_RAISE(compaction_, PrepareCompaction());
  while (true) {
    plan_ = PlanCompaction(inventory_, compaction_);
    NotePlan();
    CutToBudget();
    if (options_.dry_run) break;
    const Status status = RewriteGroups();
    if (status.ok()) return DropDangling();
    if (FaultOf(status) != Fault::kConflict) return status;
    if (num_conflicts_ >= kConflictsMax) {
      report_.groups_given_up = static_cast<int64_t>(plan_.groups.size());
      report_.notes.push_back("compaction gave up: " + status.message());
      return Reload();
    }
    ARROW_RETURN_NOT_OK(Reload());
  }
  for (const CompactionGroup& group : plan_.groups) {
    report_.files_read += group.num_files;
    report_.bytes_read += group.num_bytes;
  }
  return Status::OK();
}

// Deletes that reach no file any more: of files that other writers rewrote.
Status Maintenance::DropDangling() {
  const auto dangling = inventory_.DanglingWithout({});
  if (dangling.empty()) return Status::OK();
  StagedTable staged = NewCommit();
  staged.removed = KeysOf(dangling);
  staged.replan = [&](const catalog::LoadedTable& parent, std::stop_token) -> Result<RowDelta> {
    ARROW_ASSIGN_OR_RAISE(const Inventory now, Inventory::Load(context_.files, parent));
    return RowDelta{.removed = KeysOf(now.DanglingWithout({}))};
  };
  ARROW_RETURN_NOT_OK(Commit(std::move(staged)));
  report_.delete_files_removed += static_cast<int64_t>(dangling.size());
  return Status::OK();
}

Status Maintenance::MergeManifests() {
  const auto num_small = std::ranges::count_if(inventory_.manifests(), [](const ManifestFile& manifest) {
    return manifest.manifest_length < kSmallManifestBytes;
  });
  if (num_small < options_.manifests_min || options_.dry_run) return Status::OK();
  StagedTable staged = NewCommit();
  staged.merge_manifests = true;
  return Commit(std::move(staged));
}

Status Maintenance::Expire() {
  if (options_.dry_run) {
    const auto chosen = ChooseExpired(inventory_.metadata(), options_.retention, context_.clock.Now().micros / 1000);
    report_.snapshots_expired = static_cast<int64_t>(chosen.size());
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const Expiry expiry, context_.committer.Expire(identifier_, options_.retention, stop_));
  report_.snapshots_expired = static_cast<int64_t>(expiry.snapshots.size());
  report_.expired_files_removed = expiry.files_removed;
  ARROW_ASSIGN_OR_RAISE(const int64_t specs,
                        RemoveUnusedSpecs(context_.catalog, context_.files, context_.clock, identifier_, stop_));
  if (specs > 0) report_.notes.push_back(std::to_string(specs) + " partition specs removed that no file has");
  return Status::OK();
}

Status Maintenance::HandleOrphans() {
  ARROW_ASSIGN_OR_RAISE(report_.orphans, FindOrphans(context_.catalog, context_.files, identifier_, context_.clock,
                                                     options_.orphan_age_ms_min));
  if (!options_.remove_orphans || options_.dry_run) return Status::OK();
  ARROW_RETURN_NOT_OK(RemoveOrphans(context_.files, report_.orphans).status());
  report_.orphans_removed = true;
  return Status::OK();
}

Result<MaintenanceReport> Maintenance::Run() {
  ARROW_ASSIGN_OR_RAISE(const auto table, Load());
  if (options_.only_if_due && !MayNeedCompaction(*table.metadata, options_.compaction)) {
    report_.due = false;
    return report_;
  }
  ARROW_RETURN_NOT_OK(CheckStreams(*table.metadata));
  ARROW_ASSIGN_OR_RAISE(inventory_, Inventory::Load(context_.files, table));
  const int64_t target_bytes = TargetBytes(*table.metadata, options_.compaction);
  report_.before = inventory_.health();
  report_.amplification_before = AmplificationOf(inventory_, target_bytes);
  if (options_.run.empty()) options_.run = "maintain-" + MakeUuid7(context_.clock).ToString();
  if (!options_.dry_run) CollectLeftovers();
  if (options_.compact) {
    ARROW_RETURN_NOT_OK(CheckWritable(inventory_.metadata()));
    ARROW_RETURN_NOT_OK(Compact());
  }
  if (options_.rewrite_manifests) ARROW_RETURN_NOT_OK(MergeManifests());
  if (options_.expire) ARROW_RETURN_NOT_OK(Expire());
  if (staging_) ARROW_RETURN_NOT_OK(staging_->End());
  if (options_.find_orphans) ARROW_RETURN_NOT_OK(HandleOrphans());
  if (!options_.dry_run) ARROW_RETURN_NOT_OK(Reload());
  report_.after = inventory_.health();
  report_.amplification_after = AmplificationOf(inventory_, target_bytes);
  return report_;
}

}  // namespace

MaintenanceOptions AutomaticMaintenance() {
  return {.rewrite_manifests = false,
          .expire = false,
          .only_if_due = true,
          .compaction = {.size_tiered = true},
          .budget_bytes = int64_t{256} << 20};
}

Result<MaintenanceReport> MaintainTable(const MaintenanceContext& context, const catalog::TableIdentifier& identifier,
                                        const MaintenanceOptions& options, std::stop_token stop) {
  auto report = Maintenance(context, identifier, options, std::move(stop)).Run();
  if (!report.ok()) return Within("maintenance of " + identifier.ToString(), report.status());
  return report;
}

}  // namespace firn::table
