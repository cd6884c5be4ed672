#include "table/commit/commit_member.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "table/commit/branch_view.h"
#include "table/commit/retention.h"
#include "table/commit/stream_state.h"
#include "table/commit/writable.h"
#include "table/manifest/row_ids.h"
#include "table/metadata/update.h"
#include "table/table_properties.h"

namespace firn::table {
namespace {

// Long enough that no expiry cuts the chain between main and the branch.
constexpr int64_t kBranchAgeMs = int64_t{36'500} * kDayMs;

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
  if (!rewrites()) {
    token_ = {.epoch = staged.epoch,
              .from = staged.from,
              .to = NextVersion(staged.from, staged.state),
              .rows = staged.rows,
              .content_hash = staged.content_hash,
              .run = staged.run};
  }
  if (has_base()) planned_on_ = staged.base->current_snapshot_id;
  NoteDataFiles();
}

void CommitMember::NoteDataFiles() {
  for (const DataFile& file : delta_.added) {
    if (std::ranges::find(data_files_, file.file_path) == data_files_.end()) data_files_.push_back(file.file_path);
  }
}

Status CommitMember::CheckStaged() const {
  const auto bug = [&](const char* what) {
    return MakeError(Fault::kBug, "commit of " + staged_.identifier.ToString() + ": " + what);
  };
  if (has_base() == staged_.create.has_value()) return bug("needs either a base or a description of a new table");
  if (staged_.run.empty()) return bug("no run");
  if (staged_.stream_id.empty() != rewrites()) return bug("a rewrite has no stream, all others have one");
  const bool evolves = staged_.new_schema != nullptr || staged_.new_spec || !staged_.set_properties.empty();
  const bool changes_rest =
      staged_.new_spec || staged_.format_version != 0 || (evolves && staged_.new_schema == nullptr);
  if (rewrites() && (!has_base() || changes_rest)) return bug("a rewrite changes nothing but files and columns");
  if (rewrites() && !on_main()) return bug("a rewrite is of main");
  if (staged_.mode != WriteMode::kRowDelta && !rewrites() && !staged_.removed.empty())
    return bug("only a row delta or a rewrite names files to remove");
  if (!staged_.removed.empty() && !staged_.replan) return bug("no replan");
  return Status::OK();
}

Status CommitMember::Prepare() {
  ARROW_RETURN_NOT_OK(CheckStaged());
  ARROW_RETURN_NOT_OK(CheckFiles());
  if (rewrites()) return Status::OK();
  // Folders of a new table must not vanish in a power cut with the files in them.
  if (!has_base()) ARROW_RETURN_NOT_OK(context_.files.CreateFolder(MetadataFolder(location_)));
  ARROW_RETURN_NOT_OK(SaveState(context_.files, location_, staged_.state, token_));
  FIRN_FAILPOINT("commit.state_written");
  return Status::OK();
}

// A file named twice, missing or cut short would damage the table for every reader.
Status CommitMember::CheckFiles() const {
  std::set<std::string> keys;
  for (const DataFile& file : delta_.added) {
    if (!keys.insert(FileKeyOf(file)).second) {
      return MakeError(Fault::kBug, "data file staged twice: " + file.file_path);
    }
    // Deletes of the table's files need a plan on its parent; deletes within the load do not.
    if (file.content != FileContent::kData && staged_.mode != WriteMode::kRowDelta &&
        !keys.contains(file.referenced_data_file.value_or(""))) {
      return MakeError(Fault::kBug, "only a row delta deletes rows of live files: " + file.file_path);
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
  // What libraries do that rebase a commit by themselves: the token is looked at once only.
  const bool judged = failpoint::SeededBug("rebase_unjudged") && loaded_.has_value();
  loaded_ = loaded;
  done_ = nullptr;
  if (!loaded_) {
    if (has_base()) return ChangedMeanwhile("table was dropped while it was written: " + staged_.identifier.ToString());
    return forced_ ? Verdict::kContiguous : Judge(std::nullopt, token_);
  }
  ARROW_RETURN_NOT_OK(SeeBranch());
  const TableMetadata& metadata = *loaded_->metadata;
  if (has_base() && metadata.table_uuid != staged_.base->table_uuid) {
    return ChangedMeanwhile("table was replaced by another of its name: " + staged_.identifier.ToString());
  }
  done_ = rewrites() ? metadata.FindSnapshot(snapshot_id_) : FindCommitOf(metadata, staged_.stream_id, token_);
  if (done_ != nullptr && !failpoint::SeededBug("skip_token_check")) return Verdict::kAlreadyDone;
  Verdict verdict = Verdict::kContiguous;
  if (!forced_ && !rewrites() && !judged) {
    ARROW_ASSIGN_OR_RAISE(const auto parent, FindToken(metadata, staged_.stream_id));
    verdict = Judge(parent, token_);
  }
  if (verdict != Verdict::kContiguous) return verdict;
  if (!delta_.added.empty()) {
    ARROW_RETURN_NOT_OK(Within(staged_.identifier.ToString(), CheckWritable(metadata, staged_.format_version)));
  }
  ARROW_RETURN_NOT_OK(has_base() ? CheckFits() : JoinCreated());
  return verdict;
}

// From here on the branch's head is the table's current snapshot.
Status CommitMember::SeeBranch() {
  if (on_main()) return CheckNothingUnpublished(*loaded_->metadata, staged_.identifier.ToString());
  ARROW_ASSIGN_OR_RAISE(loaded_->metadata,
                        ViewOfBranch(loaded_->metadata, staged_.branch, staged_.identifier.ToString()));
  return Status::OK();
}

// Data files and plans are bound to field ids and to the partition spec.
Status CommitMember::CheckFits() const {
  const TableMetadata& now = *loaded_->metadata;
  const TableMetadata& then = *staged_.base;
  if (now.current_schema_id != then.current_schema_id || now.last_column_id != then.last_column_id) {
    return ChangedMeanwhile("schema of " + staged_.identifier.ToString() + " changed while it was written");
  }
  // Files of a new spec have the id that it will get.
  const bool same_specs = !staged_.new_spec || now.partition_specs.size() == then.partition_specs.size();
  if (now.default_spec_id != then.default_spec_id || !same_specs) {
    return ChangedMeanwhile("partitioning of " + staged_.identifier.ToString() + " changed while it was written");
  }
  if (now.format_version != then.format_version && VersionFor(now) != VersionFor(then) && IsBoundToVersion()) {
    return ChangedMeanwhile("format version of " + staged_.identifier.ToString() + " changed while it was written");
  }
  const auto& order = staged_.layout.sort_order;
  if (order && SortOrderIdOf(now, order->fields) != order->order_id) {
    return ChangedMeanwhile("sort orders of " + staged_.identifier.ToString() + " changed while it was written");
  }
  return Status::OK();
}

// Deletes take another form, and moved rows carry ids, from version 3 on.
bool CommitMember::IsBoundToVersion() const {
  return rewrites() ||
         std::ranges::any_of(delta_.added, [](const DataFile& file) { return file.content != FileContent::kData; });
}

int32_t CommitMember::VersionFor(const TableMetadata& metadata) const {
  return std::max(metadata.format_version, staged_.format_version);
}

// Somebody else created the table first. If it is just what this commit would have made, its rows can join.
Status CommitMember::JoinCreated() {
  const TableMetadata& now = *loaded_->metadata;
  const CreateTable& mine = *staged_.create;
  const bool same = SameSchema(now.schema(), mine.schema) && Equivalent(now.default_spec(), mine.spec) &&
                    now.default_spec_id == mine.spec.spec_id && now.location == location_ &&
                    now.default_sort_order().fields == mine.sort_order.fields &&
                    now.format_version == mine.format_version;
  if (same && staged_.mode == WriteMode::kAppend) return Status::OK();
  return ChangedMeanwhile("table was created by somebody else: " + staged_.identifier.ToString());
}

Result<catalog::TableCommit> CommitMember::Build(const CommitAttempt& attempt, io::BackgroundSync& sync,
                                                 std::stop_token stop) {
  std::vector<TableUpdate> updates;
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<const TableMetadata> evolved, Evolved(attempt.time_ms, updates));
  const std::optional<SnapshotId> parent = evolved->current_snapshot_id;
  if (staged_.replan && parent != planned_on_) {
    ARROW_RETURN_NOT_OK(Replan(stop));
  }
  const bool has_row_ids = evolved->format_version >= kRowLineageFromVersion;
  const bool usable = built_ && built_->snapshot.parent_snapshot_id == parent &&
                      built_->snapshot.first_row_id == (has_row_ids ? evolved->next_row_id : std::nullopt) &&
                      built_->snapshot.sequence_number == evolved->last_sequence_number + 1 &&
                      built_->snapshot.timestamp_ms == attempt.time_ms;
  if (!usable) ARROW_RETURN_NOT_OK(BuildSnapshot(*evolved, attempt, sync));
  AddSnapshotUpdates(updates);
  ARROW_RETURN_NOT_OK(AddExpiry(updates));
  return catalog::TableCommit{
      .identifier = staged_.identifier, .requirements = Requirements(), .updates = std::move(updates)};
}

Status CommitMember::Replan(std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(delta_, staged_.replan(*loaded_, stop));
  planned_on_ = loaded_->metadata->current_snapshot_id;
  NoteDataFiles();
  return CheckFiles();
}

// The table with the structural part of this commit applied; those updates are put into `updates`.
Result<std::shared_ptr<const TableMetadata>> CommitMember::Evolved(int64_t time_ms,
                                                                   std::vector<TableUpdate>& updates) const {
  const ApplyOptions now{.now_ms = time_ms};
  if (creates()) {
    const CreateTable& create = *staged_.create;
    std::map<std::string, std::string> properties = DefaultTableProperties();
    for (const auto& [key, value] : create.properties) properties[key] = value;
    updates = {update::AssignUuid{.uuid = NewUuid()},
               update::UpgradeFormatVersion{.format_version = create.format_version},
               update::SetLocation{.location = location_},
               update::AddSchema{.schema = std::make_shared<const schema::Schema>(create.schema)},
               update::SetCurrentSchema{},
               update::AddSpec{.spec = create.spec},
               update::SetDefaultSpec{},
               update::AddSortOrder{.order = create.sort_order},
               update::SetDefaultSortOrder{},
               update::SetProperties{.updates = std::move(properties)}};
    ARROW_ASSIGN_OR_RAISE(TableMetadata created, ApplyUpdates(nullptr, updates, now));
    return std::make_shared<const TableMetadata>(std::move(created));
  }
  const int32_t version = VersionFor(*loaded_->metadata);
  if (version != loaded_->metadata->format_version) {
    updates.push_back(update::UpgradeFormatVersion{.format_version = version});
  }
  if (staged_.new_schema != nullptr) {
    updates.push_back(update::AddSchema{.schema = staged_.new_schema});
    updates.push_back(update::SetCurrentSchema{});
  }
  if (staged_.new_spec) {
    updates.push_back(update::AddSpec{.spec = *staged_.new_spec});
    updates.push_back(update::SetDefaultSpec{});
  }
  if (!staged_.set_properties.empty()) updates.push_back(update::SetProperties{.updates = staged_.set_properties});
  AddLayoutUpdates(updates);
  if (updates.empty()) return loaded_->metadata;
  ARROW_ASSIGN_OR_RAISE(TableMetadata evolved, ApplyUpdates(loaded_->metadata.get(), updates, now));
  return std::make_shared<const TableMetadata>(std::move(evolved));
}

void CommitMember::AddLayoutUpdates(std::vector<TableUpdate>& updates) const {
  const TableMetadata& metadata = *loaded_->metadata;
  const LayoutChange& layout = staged_.layout;
  if (layout.sort_order && layout.sort_order->fields != metadata.default_sort_order().fields) {
    updates.push_back(update::AddSortOrder{.order = *layout.sort_order});
    updates.push_back(update::SetDefaultSortOrder{});
  }
  update::SetProperties set;
  for (const auto& [key, value] : layout.properties) {
    const auto now = metadata.properties.find(key);
    if (now == metadata.properties.end() || now->second != value) set.updates[key] = value;
  }
  if (!set.updates.empty()) updates.push_back(std::move(set));
  update::RemoveProperties remove;
  for (const std::string& key : layout.removed_properties) {
    if (metadata.properties.contains(key)) remove.removals.push_back(key);
  }
  if (!remove.removals.empty()) updates.push_back(std::move(remove));
}

void CommitMember::ForgetBuilt() {
  const std::vector<std::string> shared = builder_.Forget();
  stale_files_.insert(stale_files_.end(), shared.begin(), shared.end());
  DropAttempt();
}

void CommitMember::DropAttempt() {
  if (!built_) return;
  stale_files_.insert(stale_files_.end(), built_->written.begin(), built_->written.end());
  built_.reset();
}

Status CommitMember::BuildSnapshot(const TableMetadata& evolved, const CommitAttempt& attempt,
                                   io::BackgroundSync& sync) {
  DropAttempt();
  SnapshotPlan plan{.snapshot_id = snapshot_id_,
                    .run = staged_.run,
                    .attempt = attempt.number,
                    .now_ms = attempt.time_ms,
                    .added = delta_.added,
                    .removed = delta_.removed,
                    .remove_all = staged_.mode == WriteMode::kOverwriteAll,
                    .rewrites = rewrites(),
                    .merge_manifests = staged_.merge_manifests,
                    .summary = staged_.extra_summary,
                    .manifests_merge_min = context_.options.manifests_merge_min};
  plan.summary["engine-name"] = "firn";
  if (!context_.options.engine_version.empty()) plan.summary["engine-version"] = context_.options.engine_version;
  plan.summary["firn.run"] = staged_.run;
  if (!failpoint::SeededBug("token_not_carried")) plan.summary.merge(CarriedTokens(evolved, staged_.stream_id));
  if (!rewrites()) plan.summary[StreamKey(staged_.stream_id)] = WriteToken(token_);
  ARROW_ASSIGN_OR_RAISE(built_, builder_.Build(evolved, plan, sync));
  stale_files_.insert(stale_files_.end(), built_->superseded.begin(), built_->superseded.end());
  return Status::OK();
}

void CommitMember::AddSnapshotUpdates(std::vector<TableUpdate>& updates) const {
  updates.push_back(update::AddSnapshot{.snapshot = built_->snapshot});
  SnapshotRef ref{.snapshot_id = snapshot_id_};
  if (!on_main()) ref.max_snapshot_age_ms = kBranchAgeMs;
  if (loaded_) {
    const auto old = loaded_->metadata->refs.find(staged_.branch);
    if (old != loaded_->metadata->refs.end()) ref = old->second;  // keeps its retention settings
    ref.snapshot_id = snapshot_id_;
  }
  updates.push_back(update::SetSnapshotRef{.name = staged_.branch, .ref = ref});
  // The mirrors name the commits that hold the rows of main.
  if (rewrites() || !on_main() || failpoint::SeededBug("token_not_carried")) return;
  const TokenMirror mirror{
      .token = token_, .snapshot_id = snapshot_id_, .sequence_number = built_->snapshot.sequence_number};
  updates.push_back(update::SetProperties{.updates = {{StreamKey(staged_.stream_id), WriteMirror(mirror)}}});
}

Status CommitMember::AddExpiry(std::vector<TableUpdate>& updates) const {
  const RetentionOptions& retention = context_.options.retention;
  if (creates() || !retention.enabled || !on_main()) return Status::OK();
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
  if (staged_.layout.sort_order) {
    requirements.push_back(
        requirement::AssertDefaultSortOrderId{.default_sort_order_id = metadata.default_sort_order_id});
  }
  if (staged_.new_spec) {
    requirements.emplace_back(
        requirement::AssertLastAssignedPartitionId{.last_assigned_partition_id = metadata.last_partition_id});
  }
  if (failpoint::SeededBug("skip_token_check")) return requirements;
  const auto require = [&](const std::string& ref, std::optional<SnapshotId> id) {
    requirements.emplace_back(requirement::AssertRefSnapshotId{.ref = ref, .snapshot_id = id});
  };
  if (on_main()) {
    require(kMainBranch, metadata.current_snapshot_id);
    return requirements;
  }
  const auto ref = metadata.refs.find(staged_.branch);
  std::optional<SnapshotId> head;
  if (ref != metadata.refs.end()) head = ref->second.snapshot_id;
  require(staged_.branch, head);
  if (head != metadata.current_snapshot_id) require(kMainBranch, metadata.current_snapshot_id);  // it begins there
  return requirements;
}

CommittedTable CommitMember::Committed(const catalog::LoadedTable& table) const {
  // A branch that has diverged already is found so by the next commit.
  const auto view = ViewOfBranch(table.metadata, staged_.branch);
  return {.identifier = staged_.identifier,
          .table = {.metadata = view.ok() ? *view : table.metadata, .metadata_location = table.metadata_location},
          .snapshot_id = snapshot_id_,
          .sequence_number = built_->snapshot.sequence_number,
          .version = token_.to,
          .added_rows = built_->added_rows,
          .added_files = std::ranges::count(delta_.added, FileContent::kData, &DataFile::content),
          .removed_rows = built_->removed_rows,
          .removed_files = built_->removed_files};
}

std::vector<ManifestEntry> CommitMember::AddedEntries() const {
  std::vector<ManifestEntry> entries;
  for (const DataFile& file : delta_.added) {
    entries.push_back({.status = EntryStatus::kAdded,
                       .snapshot_id = snapshot_id_,
                       .sequence_number = built_->snapshot.sequence_number,
                       .file_sequence_number = built_->snapshot.sequence_number,
                       .file = file});
  }
  return entries;
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

int32_t SortOrderIdOf(const TableMetadata& metadata, const std::vector<SortField>& fields) {
  if (fields.empty()) return 0;
  int32_t next = 1;
  for (const SortOrder& order : metadata.sort_orders) {
    if (order.fields == fields) return order.order_id;
    next = std::max(next, order.order_id + 1);
  }
  return next;
}

}  // namespace firn::table
