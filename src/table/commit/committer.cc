#include "table/commit/committer.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "table/commit/branch_view.h"
#include "table/commit/group_commit.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/reachability.h"
#include "table/commit/stream_state.h"
#include "table/table_properties.h"

namespace firn::table {
namespace {

constexpr int64_t kCachedManifestsMax = 200'000;  // about 60 MB
constexpr int64_t kCachedPathsMax = 4'000'000;    // 16 bytes each

bool MayWorkLater(const Status& status) {
  const Fault fault = FaultOf(status);
  return fault == Fault::kTransient || fault == Fault::kThrottled || fault == Fault::kUnreachable ||
         fault == Fault::kBusy;
}

struct ExpiryAttempts {
  Expiry expiry;
  bool in_doubt = false;  // some attempt may have been applied: from then on nothing is removed
  std::string reason;     // of the last one
};

class CommitterImpl : public Committer {
 public:
  CommitterImpl(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock, CommitterOptions options)
      : catalog_(catalog),
        files_(files),
        clock_(clock),
        options_(std::move(options)),
        lists_(files, kCachedManifestsMax),
        contents_(MakeManifestContents(files, kCachedPathsMax)) {}

  Result<OpenedStream> OpenStreamOn(const std::string& branch, const catalog::TableIdentifier& identifier,
                                    const std::string& stream_id) override;
  Result<std::vector<CommittedTable>> Commit(std::span<const StagedTable> tables, std::stop_token stop) override {
    return CommitGroup(tables, /*forced=*/false, stop);
  }
  Result<CommittedTable> ForceState(const catalog::TableIdentifier& identifier, const std::string& stream_id,
                                    const std::string& state, const std::string& run, std::stop_token stop) override;
  Result<Expiry> Expire(const catalog::TableIdentifier& identifier, const RetentionOptions& retention,
                        std::stop_token stop) override;

 private:
  Result<std::vector<CommittedTable>> CommitGroup(std::span<const StagedTable> tables, bool forced,
                                                  std::stop_token stop);
  void CleanUp(const GroupCommit& group, const std::vector<CommittedTable>& committed);
  void RetireMetadata(const catalog::LoadedTable& before, const TableMetadata& after);
  Result<int64_t> RemoveExpired(const TableMetadata& before, const TableMetadata& after);
  Result<bool> TryExpire(const catalog::TableIdentifier& identifier, const RetentionOptions& retention,
                         std::stop_token stop, ExpiryAttempts& attempts);
  void Remove(const std::vector<std::string>& files);

  catalog::Catalog& catalog_;
  io::FileStore& files_;
  const Clock& clock_;
  const CommitterOptions options_;
  ManifestListCache lists_;
  const std::unique_ptr<ManifestContents> contents_;
};

Result<OpenedStream> CommitterImpl::OpenStreamOn(const std::string& branch, const catalog::TableIdentifier& identifier,
                                                 const std::string& stream_id) {
  OpenedStream opened;
  ARROW_ASSIGN_OR_RAISE(opened.table, catalog_.LoadTable(identifier));
  if (!opened.table) return opened;
  const std::string place = "table " + identifier.ToString();
  if (branch == kMainBranch) {
    const Status published = CheckNothingUnpublished(*opened.table->metadata, identifier.ToString());
    if (!published.ok()) return Within(place, published);
  }
  const auto view = ViewOfBranch(opened.table->metadata, branch, identifier.ToString());
  if (!view.ok()) return Within(place, view.status());
  opened.table->metadata = *view;
  const auto token = FindToken(*opened.table->metadata, stream_id);
  if (!token.ok()) return Within(place, token.status());
  if (!token->has_value()) return opened;
  const auto state = LoadState(files_, **token);
  if (!state.ok()) return Within(place, state.status());
  opened.version = (*token)->to;
  opened.state = *state;
  opened.epoch = (*token)->epoch + 1;
  return opened;
}

Result<std::vector<CommittedTable>> CommitterImpl::CommitGroup(std::span<const StagedTable> tables, bool forced,
                                                               std::stop_token stop) {
  GroupCommit group(
      tables, {.catalog = catalog_, .files = files_, .lists = lists_, .clock = clock_, .options = options_}, forced);
  ARROW_ASSIGN_OR_RAISE(auto committed, group.Run(stop));
  for (const auto& member : group.members()) {
    if (!group.swapped()) continue;
    const BuiltSnapshot& built = *member->built();
    lists_.Put(built.snapshot.manifest_list, built.manifests);
    if (!built.added_manifest.empty()) lists_.PutEntries(built.added_manifest, member->AddedEntries());
  }
  CleanUp(group, committed);
  return committed;
}

// The commit is confirmed. What fails from here on only leaves files behind.
void CommitterImpl::CleanUp(const GroupCommit& group, const std::vector<CommittedTable>& committed) {
  if (!group.swapped()) return;
  const Status go_on = failpoint::Hit("commit.before_cleanup");
  if (!go_on.ok()) return;
  Remove(group.LeftOver());
  for (size_t i = 0; i < committed.size(); ++i) {
    const auto& before = group.members()[i]->loaded();
    if (!before) continue;
    const TableMetadata& after = *committed[i].table.metadata;
    RetireMetadata(*before, after);
    const auto removed = RemoveExpired(*before->metadata, after);
    if (!removed.ok()) log::Warn("files of expired snapshots kept", {{"reason", removed.status().message()}});
  }
}

void CommitterImpl::RetireMetadata(const catalog::LoadedTable& before, const TableMetadata& after) {
  if (after.Property(kDeleteAfterCommit, "false") != "true") return;
  auto files = RetiredMetadataFiles(*before.metadata, after);
  std::erase_if(files, [&](const std::string& file) { return !IsOwnFile(after, file); });
  Remove(files);
}

Result<int64_t> CommitterImpl::RemoveExpired(const TableMetadata& before, const TableMetadata& after) {
  if (after.Property("gc.enabled", "true") != "true") return 0;  // its files may be another table's too
  std::vector<const Snapshot*> expired;
  const int64_t now_ms = clock_.Now().micros / 1000;
  for (const Snapshot& snapshot : before.snapshots) {
    if (after.FindSnapshot(snapshot.snapshot_id) != nullptr) continue;
    if (now_ms - snapshot.timestamp_ms >= options_.retention.file_age_ms_min) expired.push_back(&snapshot);
  }
  if (expired.empty()) return 0;
  std::vector<const Snapshot*> retained;
  for (const Snapshot& snapshot : after.snapshots) retained.push_back(&snapshot);
  ARROW_ASSIGN_OR_RAISE(auto files, UnreachableFiles(files_, lists_, *contents_, after, expired, retained));
  const auto kept = std::erase_if(files, [&](const std::string& file) { return !IsOwnFile(after, file); });
  if (kept > 0) log::Warn("files of expired snapshots kept: they are not in the table's folders", {{"files", kept}});
  Remove(files);
  return static_cast<int64_t>(files.size());
}

void CommitterImpl::Remove(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    if (!failpoint::Hit("commit.before_remove").ok()) return;
    const Status removed = files_.Remove(file);
    if (!removed.ok()) log::Warn("unreachable file kept", {{"file", file}, {"reason", removed.message()}});
  }
}

Result<CommittedTable> CommitterImpl::ForceState(const catalog::TableIdentifier& identifier,
                                                 const std::string& stream_id, const std::string& state,
                                                 const std::string& run, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto table, catalog_.LoadTable(identifier));
  if (!table) return MakeError(Fault::kConfig, "there is no table " + identifier.ToString());
  const StreamToken newest = NewestOf(*table->metadata, stream_id);
  const StagedTable staged{.identifier = identifier,
                           .base = table->metadata,
                           .stream_id = stream_id,
                           .epoch = newest.epoch + 1,
                           .from = newest.to,
                           .state = state,
                           .run = run,
                           .extra_summary = {{"firn.forced-state", "true"}}};
  ARROW_ASSIGN_OR_RAISE(auto committed, CommitGroup({&staged, 1}, /*forced=*/true, stop));
  return std::move(committed.front());
}

// What chose the snapshots must still hold when they go: a ref that moved may need them.
catalog::TableCommit ExpiryOf(const catalog::TableIdentifier& identifier, const TableMetadata& metadata,
                              std::vector<SnapshotId> snapshots) {
  catalog::TableCommit commit{.identifier = identifier,
                              .requirements = {requirement::AssertTableUuid{.uuid = metadata.table_uuid}},
                              .updates = {update::RemoveSnapshots{.snapshot_ids = std::move(snapshots)}}};
  for (const auto& [name, ref] : metadata.refs) {
    commit.requirements.push_back(requirement::AssertRefSnapshotId{.ref = name, .snapshot_id = ref.snapshot_id});
  }
  return commit;
}

// One attempt. Returns true when there is nothing more to do.
Result<bool> CommitterImpl::TryExpire(const catalog::TableIdentifier& identifier, const RetentionOptions& retention,
                                      std::stop_token stop, ExpiryAttempts& attempts) {
  ARROW_ASSIGN_OR_RAISE(const auto before, catalog_.LoadTable(identifier));
  if (!before) return MakeError(Fault::kConfig, "there is no table " + identifier.ToString());
  auto chosen = ChooseExpired(*before->metadata, retention, clock_.Now().micros / 1000);
  if (chosen.empty()) return true;  // also: an attempt in doubt was applied
  attempts.expiry.snapshots = chosen;
  const catalog::TableCommit commit = ExpiryOf(identifier, *before->metadata, std::move(chosen));
  FIRN_FAILPOINT("expire.before_swap");
  auto tried = catalog_.Commit({&commit, 1}, stop);
  if (!tried.ok() && FaultOf(tried.status()) == Fault::kOutcomeUnknown) {
    tried = catalog::CommitResult{.outcome = catalog::CommitOutcome::kUnknown, .reason = tried.status().message()};
  }
  ARROW_RETURN_NOT_OK(tried.status());
  attempts.reason = tried->reason;
  if (tried->outcome != catalog::CommitOutcome::kCommitted) {
    attempts.in_doubt = attempts.in_doubt || tried->outcome == catalog::CommitOutcome::kUnknown;
    return false;
  }
  FIRN_FAILPOINT("expire.after_swap");
  if (attempts.in_doubt) return true;
  const TableMetadata& after = *tried->tables.front().metadata;
  RetireMetadata(*before, after);
  const auto removed = RemoveExpired(*before->metadata, after);
  if (!removed.ok()) log::Warn("files of expired snapshots kept", {{"reason", removed.status().message()}});
  attempts.expiry.files_removed = removed.ValueOr(0);
  return true;
}

Result<Expiry> CommitterImpl::Expire(const catalog::TableIdentifier& identifier, const RetentionOptions& retention,
                                     std::stop_token stop) {
  BackoffOptions waits{.base_ms = options_.backoff_base_ms,
                       .delay_ms_max = options_.backoff_delay_ms_max,
                       .total_ms = options_.total_ms,
                       .attempts_max = options_.attempts_max,
                       .sleep_scale = SleepScale()};
  Backoff backoff(waits, clock_);
  // An unknown outcome is looked after as long as there is time, also while the catalog does not answer.
  waits.attempts_max = 0;
  Backoff in_doubt_backoff(waits, clock_);
  ExpiryAttempts attempts;
  while (true) {
    const auto done = TryExpire(identifier, retention, stop, attempts);
    if (done.ok() && *done) return attempts.expiry;
    if (!done.ok()) {
      if (!attempts.in_doubt || !MayWorkLater(done.status())) return done.status();
      attempts.reason = done.status().message();
    }
    const Status waited = (attempts.in_doubt ? in_doubt_backoff : backoff).Wait(stop);
    if (!waited.ok()) return Within("expiry of snapshots: " + attempts.reason, waited);
  }
}

}  // namespace

std::unique_ptr<Committer> Committer::Make(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock,
                                           CommitterOptions options) {
  return std::make_unique<CommitterImpl>(catalog, files, clock, std::move(options));
}

}  // namespace firn::table
