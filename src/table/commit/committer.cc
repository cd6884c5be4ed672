#include "table/commit/committer.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "table/commit/group_commit.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/reachability.h"
#include "table/commit/stream_state.h"
#include "table/table_properties.h"

namespace firn::table {
namespace {

constexpr int64_t kCachedManifestsMax = 200'000;  // about 60 MB
constexpr int64_t kCachedPathsMax = 4'000'000;    // 16 bytes each

class CommitterImpl : public Committer {
 public:
  CommitterImpl(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock, CommitterOptions options)
      : catalog_(catalog),
        files_(files),
        clock_(clock),
        options_(std::move(options)),
        lists_(files, kCachedManifestsMax),
        contents_(MakeManifestContents(files, kCachedPathsMax)) {}

  Result<OpenedStream> OpenStream(const catalog::TableIdentifier& identifier, const std::string& stream_id) override;
  Result<std::vector<CommittedTable>> Commit(std::span<const StagedTable> tables, std::stop_token stop) override {
    return CommitGroup(tables, /*forced=*/false, stop);
  }
  Result<CommittedTable> ForceState(const catalog::TableIdentifier& identifier, const std::string& stream_id,
                                    const std::string& state, const std::string& run, std::stop_token stop) override;

 private:
  Result<std::vector<CommittedTable>> CommitGroup(std::span<const StagedTable> tables, bool forced,
                                                  std::stop_token stop);
  void CleanUp(const GroupCommit& group, const std::vector<CommittedTable>& committed);
  void RetireMetadata(const catalog::LoadedTable& before, const TableMetadata& after);
  Status RemoveExpired(const TableMetadata& before, const TableMetadata& after);
  void Remove(const std::vector<std::string>& files);

  catalog::Catalog& catalog_;
  io::FileStore& files_;
  const Clock& clock_;
  const CommitterOptions options_;
  ManifestListCache lists_;
  const std::unique_ptr<ManifestContents> contents_;
};

Result<OpenedStream> CommitterImpl::OpenStream(const catalog::TableIdentifier& identifier,
                                               const std::string& stream_id) {
  OpenedStream opened;
  ARROW_ASSIGN_OR_RAISE(opened.table, catalog_.LoadTable(identifier));
  if (!opened.table) return opened;
  const std::string place = "table " + identifier.ToString();
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
    if (group.swapped()) lists_.Put(member->built()->snapshot.manifest_list, member->built()->manifests);
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
    const Status removed = RemoveExpired(*before->metadata, after);
    if (!removed.ok()) log::Warn("files of expired snapshots kept", {{"reason", removed.message()}});
  }
}

void CommitterImpl::RetireMetadata(const catalog::LoadedTable& before, const TableMetadata& after) {
  if (after.Property(kDeleteAfterCommit, "false") != "true") return;
  Remove(RetiredMetadataFiles(*before.metadata, after));
}

Status CommitterImpl::RemoveExpired(const TableMetadata& before, const TableMetadata& after) {
  std::vector<const Snapshot*> expired;
  const int64_t now_ms = clock_.Now().micros / 1000;
  for (const Snapshot& snapshot : before.snapshots) {
    if (after.FindSnapshot(snapshot.snapshot_id) != nullptr) continue;
    if (now_ms - snapshot.timestamp_ms >= options_.retention.file_age_ms_min) expired.push_back(&snapshot);
  }
  if (expired.empty()) return Status::OK();
  std::vector<const Snapshot*> retained;
  for (const Snapshot& snapshot : after.snapshots) retained.push_back(&snapshot);
  ARROW_ASSIGN_OR_RAISE(const auto files, UnreachableFiles(files_, lists_, *contents_, after, expired, retained));
  Remove(files);
  return Status::OK();
}

void CommitterImpl::Remove(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const Status removed = files_.Remove(file);
    if (!removed.ok()) log::Warn("unreachable file kept", {{"file", file}, {"reason", removed.message()}});
  }
}

// The newest position and owner that any snapshot or the mirror knows of: a forced state must be newer than all.
StreamToken NewestOf(const TableMetadata& metadata, const std::string& stream_id) {
  StreamToken newest;
  const auto take = [&](const Result<StreamToken>& token) {
    if (!token.ok()) return;
    newest.epoch = std::max(newest.epoch, token->epoch);
    if (token->to.sequence > newest.to.sequence) newest.to = token->to;
  };
  const std::string key = StreamKey(stream_id);
  for (const Snapshot& snapshot : metadata.snapshots) {
    const auto entry = snapshot.summary.find(key);
    if (entry != snapshot.summary.end()) take(ParseToken(entry->second));
  }
  const auto property = metadata.properties.find(key);
  if (property != metadata.properties.end()) take(ParseToken(property->second));
  return newest;
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

}  // namespace

std::unique_ptr<Committer> Committer::Make(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock,
                                           CommitterOptions options) {
  return std::make_unique<CommitterImpl>(catalog, files, clock, std::move(options));
}

}  // namespace firn::table
