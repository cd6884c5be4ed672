#include "table/commit/cherry_pick.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/log.h"
#include "table/commit/ancestry.h"
#include "table/commit/branch_view.h"
#include "table/commit/garbage.h"
#include "table/commit/manifest_io.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/snapshot_builder.h"
#include "table/commit/stream_token.h"

namespace firn::table {
namespace {

constexpr int64_t kCachedManifestsMax = 20'000;
constexpr char kStagedKey[] = "wap.id";
constexpr char kPublishedKey[] = "published-wap-id";

std::string Text(SnapshotId id) {
  return std::to_string(id.value);
}

std::string EntryOf(const Snapshot& snapshot, const std::string& key) {
  const auto found = snapshot.summary.find(key);
  return found == snapshot.summary.end() ? "" : found->second;
}

Status CannotPick(SnapshotId id, std::string why, std::string next) {
  return MakeError(Fault::kConfig, "snapshot " + Text(id) + " cannot be cherry-picked",
                   {.code = "E0913", .why = std::move(why), .state = "nothing was changed", .next = std::move(next)});
}

// Builds snapshots for a change of refs; a commit of its own in all but the rows.
class SnapshotMaker {
 public:
  SnapshotMaker(const RefContext& context, io::FileStore& files, std::string run)
      : context_(context),
        files_(files),
        run_(std::move(run)),
        lists_(files, kCachedManifestsMax),
        builder_(files, lists_),
        snapshot_id_(NewSnapshotId()) {}

  /// A durable snapshot on the current one of `view`.
  Result<Snapshot> Make(const TableMetadata& view, std::vector<DataFile> added,
                        std::map<std::string, std::string> summary) {
    if (!staging_) {
      ARROW_ASSIGN_OR_RAISE(staging_, StagingRecord::Begin(files_, view.location, run_, context_.clock));
    }
    SnapshotPlan plan{.snapshot_id = snapshot_id_,
                      .run = run_,
                      .attempt = attempt_++,
                      .now_ms = context_.clock.Now().micros / 1000,
                      .added = std::move(added),
                      .summary = std::move(summary)};
    plan.summary["engine-name"] = "firn";
    io::BackgroundSync sync(files_);
    ARROW_ASSIGN_OR_RAISE(auto built, builder_.Build(view, plan, sync));
    ARROW_RETURN_NOT_OK(sync.Wait());
    ARROW_RETURN_NOT_OK(files_.SyncFolder(MetadataFolder(view.location)));
    FIRN_FAILPOINT("refs.snapshot_written");
    return built.snapshot;
  }

  /// Files that nothing refers to are left to garbage collection, by the staging record: whether an attempt whose
  /// answer was lost may still land is not known here.
  void End(const Status& status) {
    if (!staging_ || !status.ok() || attempt_ > 1) return;
    const Status ended = staging_->End();
    if (!ended.ok()) log::Warn("staging record kept", {{"reason", ended.message()}});
  }

  Result<ManifestListPtr> ManifestsOf(const Snapshot& snapshot) { return lists_.Get(snapshot); }
  io::FileStore& files() { return files_; }
  SnapshotId snapshot_id() const { return snapshot_id_; }

 private:
  const RefContext& context_;
  io::FileStore& files_;
  const std::string run_;
  ManifestListCache lists_;
  SnapshotBuilder builder_;
  const SnapshotId snapshot_id_;
  std::optional<StagingRecord> staging_;
  int attempt_ = 0;
};

// Moves main to a new snapshot together with the streams that `moved` names.
RefChange OntoMain(const TableMetadata& metadata, Snapshot snapshot, const std::map<std::string, StreamToken>& moved) {
  RefChange change;
  SnapshotRef ref;
  requirement::AssertRefSnapshotId require{.ref = kMainBranch, .snapshot_id = std::nullopt};
  if (const auto main = metadata.refs.find(kMainBranch); main != metadata.refs.end()) {
    ref = main->second;
    require.snapshot_id = ref.snapshot_id;
  }
  ref.snapshot_id = snapshot.snapshot_id;
  update::SetProperties mirrors;
  for (const auto& [key, token] : moved) {
    mirrors.updates[key] =
        WriteMirror({.token = token, .snapshot_id = snapshot.snapshot_id, .sequence_number = snapshot.sequence_number});
  }
  change.requirements = {require, requirement::AssertCurrentSchemaId{.current_schema_id = metadata.current_schema_id}};
  change.updates = {update::AddSnapshot{.snapshot = std::move(snapshot)},
                    update::SetSnapshotRef{.name = kMainBranch, .ref = ref}};
  if (!mirrors.updates.empty()) change.updates.emplace_back(std::move(mirrors));
  return change;
}

class Picking {
 public:
  Picking(const RefContext& context, io::FileStore& files, SnapshotId source, const std::string& run)
      : maker_(context, files, run), source_(source) {}

  Result<std::optional<RefChange>> Plan(const TableMetadata& metadata) {
    const Snapshot* source = metadata.FindSnapshot(source_);
    if (source == nullptr) {
      return MakeError(Fault::kConfig, "the table has no snapshot " + Text(source_),
                       {.code = "E0706", .state = "nothing was changed", .next = "firn history TABLE"});
    }
    ARROW_RETURN_NOT_OK(CheckNothingUnpublished(metadata));
    ARROW_RETURN_NOT_OK(CheckIsNew(metadata, *source));
    picked_.fast_forward = source->parent_snapshot_id == metadata.current_snapshot_id;
    if (picked_.fast_forward) {
      picked_.snapshot_id = source_;
      picked_.rows = std::atoll(EntryOf(*source, "added-records").c_str());
      ARROW_ASSIGN_OR_RAISE(auto change, PlanFastForward(metadata, kMainBranch, source_));
      return std::optional(std::move(change));
    }
    return PlanAppend(metadata, *source);
  }

  Picked picked_;
  SnapshotMaker maker_;

 private:
  Status CheckIsNew(const TableMetadata& metadata, const Snapshot& source) const {
    const std::string staged = EntryOf(source, kStagedKey);
    for (const Snapshot* ancestor : AncestryOfMain(metadata).snapshots) {
      if (ancestor->snapshot_id == source_) {
        return CannotPick(source_, "it is on main already", "firn history TABLE");
      }
      const bool again = EntryOf(*ancestor, kSourceSnapshotKey) == Text(source_) ||
                         (!staged.empty() && EntryOf(*ancestor, kPublishedKey) == staged);
      if (again) {
        return CannotPick(source_, "snapshot " + Text(ancestor->snapshot_id) + " of main has its rows already",
                          "firn history TABLE");
      }
    }
    return Status::OK();
  }

  Result<std::optional<RefChange>> PlanAppend(const TableMetadata& metadata, const Snapshot& source) {
    if (EntryOf(source, "operation") != "append") {
      return CannotPick(source_,
                        "it is no append (" + EntryOf(source, "operation") +
                            "), and main is not what it was made on, so it cannot be replayed exactly",
                        "firn run, which writes the rows anew");
    }
    std::map<std::string, StreamToken> moved;
    ARROW_ASSIGN_OR_RAISE(auto summary, Summary(metadata, source, moved));
    ARROW_ASSIGN_OR_RAISE(auto added, AddedBy(metadata, source));
    picked_.rows = 0;
    for (const DataFile& file : added) picked_.rows += file.record_count;
    ARROW_ASSIGN_OR_RAISE(auto snapshot, maker_.Make(metadata, std::move(added), std::move(summary)));
    picked_.snapshot_id = snapshot.snapshot_id;
    return std::optional(OntoMain(metadata, std::move(snapshot), moved));
  }

  // All streams' tokens, those of the picked commits moved on.
  Result<std::map<std::string, std::string>> Summary(const TableMetadata& metadata, const Snapshot& source,
                                                     std::map<std::string, StreamToken>& moved) const {
    std::map<std::string, std::string> summary;
    StreamTokens known;
    if (metadata.current_snapshot_id) known = TokensAt(metadata, *metadata.current_snapshot_id);
    summary = known.tokens;
    for (const auto& [key, text] : CommitsIn(metadata, source)) {
      ARROW_ASSIGN_OR_RAISE(const StreamToken mine, ParseToken(text));
      StreamToken parent;
      if (const auto before = known.tokens.find(key); before != known.tokens.end()) {
        ARROW_ASSIGN_OR_RAISE(parent, ParseToken(before->second));
      }
      if (mine.from != parent.to || known.doubts.contains(key)) {
        return CannotPick(source_,
                          "its rows are what " + key + " read after position " + std::to_string(mine.from.sequence) +
                              ", and main stands at " + std::to_string(parent.to.sequence) +
                              ": rows would be doubled or skipped",
                          "firn run, which reads from where main stands");
      }
      summary[key] = text;
      moved.emplace(key, mine);
    }
    if (const std::string run = EntryOf(source, "firn.run"); !run.empty() && !moved.empty()) summary["firn.run"] = run;
    summary[kSourceSnapshotKey] = Text(source_);
    if (const std::string staged = EntryOf(source, kStagedKey); !staged.empty()) summary[kPublishedKey] = staged;
    return summary;
  }

  Result<std::vector<DataFile>> AddedBy(const TableMetadata& metadata, const Snapshot& source) {
    std::vector<DataFile> added;
    bool only_adds = true;
    ARROW_ASSIGN_OR_RAISE(const auto manifests, maker_.ManifestsOf(source));
    for (const ManifestFile& manifest : *manifests) {
      if (manifest.added_snapshot_id != source_) continue;
      ARROW_RETURN_NOT_OK(ForEachEntry(
          maker_.files(), metadata, manifest, ManifestReadOptions::Statistics::kAll, [&](ManifestEntry entry) {
            if (entry.snapshot_id != source_) return Status::OK();
            only_adds = only_adds && entry.status == EntryStatus::kAdded && entry.file.content == FileContent::kData;
            entry.file.first_row_id.reset();  // rows get the ids of their new commit
            added.push_back(std::move(entry.file));
            return Status::OK();
          }));
    }
    if (!only_adds) return CannotPick(source_, "it removes files or rows", "firn run, which writes the rows anew");
    return added;
  }

  const SnapshotId source_;
};

}  // namespace

Result<Picked> CherryPick(const RefContext& context, io::FileStore& files, const catalog::TableIdentifier& identifier,
                          SnapshotId source, const std::string& run, std::stop_token stop) {
  Picking picking(context, files, source, run);
  auto tables = CommitRefs(
      context, {&identifier, 1},
      [&](const catalog::TableIdentifier&, const catalog::LoadedTable& table) { return picking.Plan(*table.metadata); },
      std::move(stop));
  picking.maker_.End(tables.status());
  ARROW_RETURN_NOT_OK(tables.status());
  picking.picked_.table = std::move(tables->front());
  return std::move(picking.picked_);
}

Result<catalog::LoadedTable> RollbackKeepingPositions(const RefContext& context, io::FileStore& files,
                                                      const catalog::TableIdentifier& identifier,
                                                      const RollbackRequest& request, const std::string& run,
                                                      std::stop_token stop) {
  SnapshotMaker maker(context, files, run);
  const auto plan = [&](const catalog::TableIdentifier&,
                        const catalog::LoadedTable& table) -> Result<std::optional<RefChange>> {
    const TableMetadata& metadata = *table.metadata;
    const Result<RefChange> rewinding = PlanRollback(metadata, request);
    const ErrorContext* why = rewinding.ok() ? nullptr : ContextOf(rewinding.status());
    const bool only_positions = why != nullptr && why->code == "E0915";  // they are not needed here
    if (!rewinding.ok() && !only_positions) return rewinding.status();
    const StreamTokens known = TokensAt(metadata, *metadata.current_snapshot_id);
    if (!known.doubts.empty()) {
      return MakeError(Fault::kConfig, "the position of a stream is in doubt: " + known.doubts.begin()->first,
                       {.code = "E0915",
                        .why = known.doubts.begin()->second,
                        .state = "nothing was changed",
                        .next = "firn state accept TABLE"});
    }
    auto view = std::make_shared<TableMetadata>(metadata);
    view->current_snapshot_id = request.to;
    std::map<std::string, std::string> summary = known.tokens;
    summary["firn.run"] = run;
    std::map<std::string, StreamToken> tokens;
    for (const auto& [key, text] : known.tokens) {
      ARROW_ASSIGN_OR_RAISE(tokens[key], ParseToken(text));
    }
    ARROW_ASSIGN_OR_RAISE(auto snapshot, maker.Make(*view, {}, std::move(summary)));
    return std::optional(OntoMain(metadata, std::move(snapshot), tokens));
  };
  auto tables = CommitRefs(context, {&identifier, 1}, plan, std::move(stop));
  maker.End(tables.status());
  ARROW_RETURN_NOT_OK(tables.status());
  return std::move(tables->front());
}

}  // namespace firn::table
