#include "table/commit/commit_member.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "table/commit/retention.h"
#include "table/commit/stream_state.h"
#include "table/metadata/update.h"
#include "table/table_properties.h"

namespace firn::table {
namespace {

std::string LocationOf(const StagedTable& staged, const catalog::Catalog& catalog) {
  if (staged.base != nullptr) return staged.base->location;
  if (staged.create && !staged.create->location.empty()) return staged.create->location;
  return catalog.DefaultLocation(staged.identifier);
}

Status ChangedMeanwhile(std::string what) {
  return MakeError(Fault::kConflict, std::move(what),
                   {.code = "E0904", .state = "nothing of this commit is in the table", .next = "firn run"});
}

// Field ids of two schemas mean the same columns.
bool SameSchema(const schema::Schema& a, const schema::Schema& b) {
  return schema::Equals(a, b);
}

}  // namespace

CommitMember::CommitMember(const StagedTable& staged, Context context, bool forced)
    : staged_(staged),
      context_(context),
      forced_(forced),
      location_(LocationOf(staged, context.catalog)),
      snapshot_id_(NewSnapshotId()),
      builder_(context.files, context.lists),
      delta_{.added = staged.added, .removed = staged.removed} {
  token_ = {.epoch = staged.epoch,
            .from = staged.from,
            .to = NextVersion(staged.from, staged.state),
            .rows = staged.rows,
            .content_hash = staged.content_hash,
            .run = staged.run};
  if (has_base()) planned_on_ = staged.base->current_snapshot_id;
  for (const DataFile& file : staged.added) data_files_.push_back(file.file_path);
}

Status CommitMember::Prepare() {
  const auto bug = [&](const char* what) {
    return MakeError(Fault::kBug, "commit of " + staged_.identifier.ToString() + ": " + what);
  };
  if (has_base() == staged_.create.has_value()) return bug("needs either a base or a description of a new table");
  if (staged_.stream_id.empty() || staged_.run.empty()) return bug("no stream or run");
  if (staged_.mode != WriteMode::kRowDelta && !staged_.removed.empty())
    return bug("only a row delta names files to remove");
  if (staged_.mode == WriteMode::kRowDelta && !staged_.removed.empty() && !staged_.replan) return bug("no replan");
  ARROW_RETURN_NOT_OK(CheckFiles());
  // Folders of a new table must not vanish in a power cut with the files in them.
  if (!has_base()) ARROW_RETURN_NOT_OK(context_.files.CreateFolder(MetadataFolder(location_)));
  ARROW_RETURN_NOT_OK(SaveState(context_.files, location_, staged_.state, token_));
  FIRN_FAILPOINT("commit.state_written");
  return Status::OK();
}

// A file named twice, missing or cut short would damage the table for every reader.
Status CommitMember::CheckFiles() const {
  std::set<std::string_view> paths;
  for (const DataFile& file : delta_.added) {
    if (!paths.insert(file.file_path).second) {
      return MakeError(Fault::kBug, "data file staged twice: " + file.file_path);
    }
    ARROW_ASSIGN_OR_RAISE(const int64_t size, context_.files.Size(file.file_path));
    if (size != file.file_size_bytes) {
      return MakeError(Fault::kBug, "data file has another size than staged: " + std::to_string(size) +
                                        " != " + std::to_string(file.file_size_bytes) + ", " + file.file_path);
    }
  }
  return Status::OK();
}

Result<Verdict> CommitMember::JudgeOn(const std::optional<catalog::LoadedTable>& loaded) {
  loaded_ = loaded;
  done_ = nullptr;
  if (!loaded_) {
    if (has_base()) return ChangedMeanwhile("table was dropped while it was written: " + staged_.identifier.ToString());
    return forced_ ? Verdict::kContiguous : Judge(std::nullopt, token_);
  }
  const TableMetadata& metadata = *loaded_->metadata;
  if (has_base() && metadata.table_uuid != staged_.base->table_uuid) {
    return ChangedMeanwhile("table was replaced by another of its name: " + staged_.identifier.ToString());
  }
  done_ = FindCommitOf(metadata, staged_.stream_id, token_);
  if (done_ != nullptr && !failpoint::SeededBug("skip_token_check")) return Verdict::kAlreadyDone;
  Verdict verdict = Verdict::kContiguous;
  if (!forced_) {
    ARROW_ASSIGN_OR_RAISE(const auto parent, FindToken(metadata, staged_.stream_id));
    verdict = Judge(parent, token_);
  }
  if (verdict == Verdict::kContiguous) ARROW_RETURN_NOT_OK(has_base() ? CheckFits() : JoinCreated());
  return verdict;
}

// Data files and plans are bound to field ids and to the partition spec.
Status CommitMember::CheckFits() const {
  const TableMetadata& now = *loaded_->metadata;
  const TableMetadata& then = *staged_.base;
  if (now.current_schema_id != then.current_schema_id || now.last_column_id != then.last_column_id) {
    return ChangedMeanwhile("schema of " + staged_.identifier.ToString() + " changed while it was written");
  }
  if (now.default_spec_id != then.default_spec_id) {
    return ChangedMeanwhile("partitioning of " + staged_.identifier.ToString() + " changed while it was written");
  }
  return Status::OK();
}

// Somebody else created the table first. If it is just what this commit would have made, its rows can join.
Status CommitMember::JoinCreated() {
  const TableMetadata& now = *loaded_->metadata;
  const CreateTable& mine = *staged_.create;
  const bool same = SameSchema(now.schema(), mine.schema) && Equivalent(now.default_spec(), mine.spec) &&
                    now.default_spec_id == mine.spec.spec_id && now.location == location_;
  if (same && staged_.mode == WriteMode::kAppend) return Status::OK();
  return ChangedMeanwhile("table was created by somebody else: " + staged_.identifier.ToString());
}

Result<catalog::TableCommit> CommitMember::Build(int attempt, std::stop_token stop) {
  std::vector<TableUpdate> updates;
  ARROW_ASSIGN_OR_RAISE(const TableMetadata evolved, Evolved(updates));
  const std::optional<SnapshotId> parent = evolved.current_snapshot_id;
  if (staged_.mode == WriteMode::kRowDelta && staged_.replan && parent != planned_on_) {
    ARROW_RETURN_NOT_OK(Replan(stop));
  }
  const bool usable = built_ && built_->snapshot.parent_snapshot_id == parent &&
                      built_->snapshot.sequence_number == evolved.last_sequence_number + 1;
  if (!usable) ARROW_RETURN_NOT_OK(BuildSnapshot(evolved, attempt));
  AddSnapshotUpdates(updates);
  ARROW_RETURN_NOT_OK(AddExpiry(updates));
  return catalog::TableCommit{
      .identifier = staged_.identifier, .requirements = Requirements(), .updates = std::move(updates)};
}

Status CommitMember::Replan(std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(delta_, staged_.replan(*loaded_, stop));
  planned_on_ = loaded_->metadata->current_snapshot_id;
  for (const DataFile& file : delta_.added) {
    if (std::ranges::find(data_files_, file.file_path) == data_files_.end()) data_files_.push_back(file.file_path);
  }
  return CheckFiles();
}

// The table with the structural part of this commit applied; those updates are put into `updates`.
Result<TableMetadata> CommitMember::Evolved(std::vector<TableUpdate>& updates) const {
  if (creates()) {
    const CreateTable& create = *staged_.create;
    std::map<std::string, std::string> properties = DefaultTableProperties();
    for (const auto& [key, value] : create.properties) properties[key] = value;
    updates = {update::AssignUuid{.uuid = NewUuid()},
               update::UpgradeFormatVersion{.format_version = 2},
               update::SetLocation{.location = location_},
               update::AddSchema{.schema = std::make_shared<const schema::Schema>(create.schema)},
               update::SetCurrentSchema{},
               update::AddSpec{.spec = create.spec},
               update::SetDefaultSpec{},
               update::AddSortOrder{.order = create.sort_order},
               update::SetDefaultSortOrder{},
               update::SetProperties{.updates = std::move(properties)}};
    return ApplyUpdates(nullptr, updates, {.now_ms = context_.clock.Now().micros / 1000});
  }
  if (staged_.new_schema == nullptr) return *loaded_->metadata;
  updates = {update::AddSchema{.schema = staged_.new_schema}, update::SetCurrentSchema{}};
  return ApplyUpdates(loaded_->metadata.get(), updates, {.now_ms = context_.clock.Now().micros / 1000});
}

Status CommitMember::BuildSnapshot(const TableMetadata& evolved, int attempt) {
  if (built_) {
    stale_files_.insert(stale_files_.end(), built_->written.begin(), built_->written.end());
    built_.reset();
  }
  SnapshotPlan plan{.snapshot_id = snapshot_id_,
                    .run = staged_.run,
                    .attempt = attempt,
                    .now_ms = context_.clock.Now().micros / 1000,
                    .added = delta_.added,
                    .removed = delta_.removed,
                    .remove_all = staged_.mode == WriteMode::kOverwriteAll,
                    .summary = staged_.extra_summary,
                    .manifests_merge_min = context_.options.manifests_merge_min};
  plan.summary["engine-name"] = "firn";
  if (!context_.options.engine_version.empty()) plan.summary["engine-version"] = context_.options.engine_version;
  plan.summary["firn.run"] = staged_.run;
  plan.summary.merge(CarriedTokens(evolved, staged_.stream_id));
  plan.summary[StreamKey(staged_.stream_id)] = WriteToken(token_);
  ARROW_ASSIGN_OR_RAISE(built_, builder_.Build(evolved, plan));
  stale_files_.insert(stale_files_.end(), built_->superseded.begin(), built_->superseded.end());
  return Status::OK();
}

void CommitMember::AddSnapshotUpdates(std::vector<TableUpdate>& updates) const {
  updates.push_back(update::AddSnapshot{.snapshot = built_->snapshot});
  SnapshotRef ref{.snapshot_id = snapshot_id_};
  if (loaded_) {
    const auto main = loaded_->metadata->refs.find(kMainBranch);
    if (main != loaded_->metadata->refs.end()) ref = main->second;  // keeps its retention settings
    ref.snapshot_id = snapshot_id_;
  }
  updates.push_back(update::SetSnapshotRef{.name = kMainBranch, .ref = ref});
  const TokenMirror mirror{
      .token = token_, .snapshot_id = snapshot_id_, .sequence_number = built_->snapshot.sequence_number};
  updates.push_back(update::SetProperties{.updates = {{StreamKey(staged_.stream_id), WriteMirror(mirror)}}});
}

Status CommitMember::AddExpiry(std::vector<TableUpdate>& updates) const {
  const RetentionOptions& retention = context_.options.retention;
  if (creates() || !retention.enabled) return Status::OK();
  const auto num_snapshots = static_cast<int>(loaded_->metadata->snapshots.size()) + 1;
  if (num_snapshots <= retention.snapshots_min + retention.snapshots_slack) return Status::OK();
  const int64_t now_ms = context_.clock.Now().micros / 1000;
  ARROW_ASSIGN_OR_RAISE(const TableMetadata after, ApplyUpdates(loaded_->metadata.get(), updates, {.now_ms = now_ms}));
  auto expired = ChooseExpired(after, retention, now_ms);
  if (!expired.empty()) updates.push_back(update::RemoveSnapshots{.snapshot_ids = std::move(expired)});
  return Status::OK();
}

// The parent whose token was judged is the parent of the swap (DESIGN.md §5.2).
std::vector<TableRequirement> CommitMember::Requirements() const {
  if (creates()) return {requirement::AssertCreate{}};
  const TableMetadata& metadata = *loaded_->metadata;
  std::vector<TableRequirement> requirements = {
      requirement::AssertTableUuid{.uuid = metadata.table_uuid},
      requirement::AssertCurrentSchemaId{.current_schema_id = metadata.current_schema_id},
      requirement::AssertLastAssignedFieldId{.last_assigned_field_id = metadata.last_column_id},
      requirement::AssertDefaultSpecId{.default_spec_id = metadata.default_spec_id}};
  if (!failpoint::SeededBug("skip_token_check")) {
    requirements.push_back(
        requirement::AssertRefSnapshotId{.ref = kMainBranch, .snapshot_id = metadata.current_snapshot_id});
  }
  return requirements;
}

CommittedTable CommitMember::Committed(const catalog::LoadedTable& table) const {
  return {.identifier = staged_.identifier,
          .table = table,
          .snapshot_id = snapshot_id_,
          .sequence_number = built_->snapshot.sequence_number,
          .version = token_.to,
          .added_rows = built_->added_rows,
          .added_files = static_cast<int64_t>(delta_.added.size()),
          .removed_rows = built_->removed_rows,
          .removed_files = built_->removed_files};
}

CommittedTable CommitMember::AlreadyDone() const {
  const auto count = [&](const char* key) {
    const auto found = done_->summary.find(key);
    return found == done_->summary.end() ? int64_t{0} : static_cast<int64_t>(std::atoll(found->second.c_str()));
  };
  return {.identifier = staged_.identifier,
          .table = *loaded_,
          .snapshot_id = done_->snapshot_id,
          .sequence_number = done_->sequence_number,
          .version = token_.to,
          .added_rows = count("added-records"),
          .added_files = count("added-data-files"),
          .removed_rows = count("deleted-records"),
          .removed_files = count("deleted-data-files")};
}

std::vector<std::string> CommitMember::current_files() const {
  std::vector<std::string> files = builder_.shared_files();
  if (built_) files.insert(files.end(), built_->written.begin(), built_->written.end());
  return files;
}

std::vector<std::string> CommitMember::unused_data_files() const {
  std::set<std::string_view> used;
  for (const DataFile& file : delta_.added) used.insert(file.file_path);
  std::vector<std::string> unused;
  for (const std::string& file : data_files_) {
    if (!used.contains(file)) unused.push_back(file);
  }
  return unused;
}

}  // namespace firn::table
