#include "table/commit/ref_update.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "table/commit/ancestry.h"
#include "table/commit/branch_view.h"
#include "table/commit/stream_token.h"

namespace firn::table {
namespace {

constexpr char kUnchanged[] = "nothing was changed";
constexpr size_t kNameBytesMax = 255;

std::string Text(SnapshotId id) {
  return std::to_string(id.value);
}

Status Refused(const char* code, std::string what, std::string why, std::string next) {
  return MakeError(Fault::kConfig, std::move(what),
                   {.code = code, .why = std::move(why), .state = kUnchanged, .next = std::move(next)});
}

const char* NameOf(SnapshotRef::Type type) {
  return type == SnapshotRef::Type::kBranch ? "branch" : "tag";
}

bool IsAncestorOf(const TableMetadata& metadata, SnapshotId ancestor, SnapshotId head) {
  const Ancestry ancestry = AncestryOf(metadata, head);
  return std::ranges::any_of(ancestry.snapshots, [&](const Snapshot* s) { return s->snapshot_id == ancestor; });
}

TableRequirement Require(const TableMetadata& metadata, const std::string& ref) {
  const auto found = metadata.refs.find(ref);
  requirement::AssertRefSnapshotId require{.ref = ref, .snapshot_id = std::nullopt};
  if (found != metadata.refs.end()) require.snapshot_id = found->second.snapshot_id;
  return require;
}

// The ref with its retention settings, at another snapshot.
update::SetSnapshotRef Moved(const TableMetadata& metadata, const std::string& name, SnapshotId to) {
  const auto found = metadata.refs.find(name);
  SnapshotRef ref;
  if (found != metadata.refs.end()) ref = found->second;
  ref.snapshot_id = to;
  return {.name = name, .ref = ref};
}

Status CheckExists(const TableMetadata& metadata, SnapshotId id) {
  if (metadata.FindSnapshot(id) != nullptr) return Status::OK();
  return Refused("E0706", "the table has no snapshot " + Text(id),
                 "it keeps " + std::to_string(metadata.snapshots.size()) + " snapshots; older ones expire",
                 "firn history TABLE");
}

Status NoSuchRef(const TableMetadata& metadata, const std::string& name, SnapshotRef::Type type) {
  std::string names;
  for (const auto& [other, ref] : metadata.refs) {
    if (ref.type == type) names += (names.empty() ? "" : ", ") + other;
  }
  return Refused("E0907", std::string("there is no ") + NameOf(type) + " " + name,
                 names.empty() ? "the table has none" : "there are: " + names,
                 std::string("firn table ") + NameOf(type) + " TABLE");
}

}  // namespace

Result<RefChange> PlanCreateRef(const TableMetadata& metadata, const std::string& name, const SnapshotRef& ref) {
  const bool printable = std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c != 127; });
  if (name.empty() || name.size() > kNameBytesMax || !printable) {
    return Refused("E0908", "not a name for a branch or tag",
                   "names have 1 to 255 bytes without spaces and control characters", "choose another name");
  }
  if (const auto found = metadata.refs.find(name); found != metadata.refs.end()) {
    return Refused("E0908", std::string(NameOf(found->second.type)) + " " + name + " exists",
                   "it is at snapshot " + Text(found->second.snapshot_id), "choose another name, or drop it first");
  }
  ARROW_RETURN_NOT_OK(CheckExists(metadata, ref.snapshot_id));
  return RefChange{.requirements = {Require(metadata, name)},
                   .updates = {update::SetSnapshotRef{.name = name, .ref = ref}}};
}

Result<RefChange> PlanDropRef(const TableMetadata& metadata, const std::string& name, SnapshotRef::Type type) {
  if (name == kMainBranch) {
    return Refused("E0908", "main cannot be dropped", "it is what readers see", "choose another branch");
  }
  const auto found = metadata.refs.find(name);
  if (found == metadata.refs.end() || found->second.type != type) return NoSuchRef(metadata, name, type);
  return RefChange{.requirements = {Require(metadata, name)}, .updates = {update::RemoveSnapshotRef{.name = name}}};
}

Result<RefChange> PlanFastForward(const TableMetadata& metadata, const std::string& branch, SnapshotId to) {
  ARROW_RETURN_NOT_OK(CheckExists(metadata, to));
  const auto found = metadata.refs.find(branch);
  const bool begins = branch == kMainBranch && found == metadata.refs.end();
  if (!begins && (found == metadata.refs.end() || found->second.type != SnapshotRef::Type::kBranch)) {
    return NoSuchRef(metadata, branch, SnapshotRef::Type::kBranch);
  }
  if (!begins && !IsAncestorOf(metadata, found->second.snapshot_id, to)) {
    return Refused("E0909", "branch " + branch + " cannot be fast-forwarded to snapshot " + Text(to),
                   "its head " + Text(found->second.snapshot_id) + " is no ancestor of that", "firn history TABLE");
  }
  RefChange change{
      .requirements = {Require(metadata, branch)}, .updates = {Moved(metadata, branch, to)}, .moves_forward = true};
  if (branch != kMainBranch) return change;
  ARROW_ASSIGN_OR_RAISE(const auto mirrors, MirrorsAt(metadata, to));
  change.updates.insert(change.updates.end(), mirrors.begin(), mirrors.end());
  return change;
}

namespace {

// A load that began before the commits that are rolled back finds its parent again; its epoch tells that it is stale.
Status FenceOlderLoads(const TableMetadata& metadata, std::vector<TableUpdate>& mirrors) {
  for (TableUpdate& update : mirrors) {
    auto* set = std::get_if<update::SetProperties>(&update);
    if (set == nullptr) continue;
    for (auto& [key, text] : set->updates) {
      ARROW_ASSIGN_OR_RAISE(TokenMirror mirror, ParseMirror(text));
      mirror.token.epoch = NewestOf(metadata, std::string_view(key).substr(sizeof(kStreamKeyPrefix) - 1)).epoch + 1;
      text = WriteMirror(mirror);
    }
  }
  return Status::OK();
}

}  // namespace

Result<RefChange> PlanRollback(const TableMetadata& metadata, const RollbackRequest& request) {
  ARROW_RETURN_NOT_OK(CheckExists(metadata, request.to));
  if (metadata.current_snapshot_id != request.seen) {
    return MakeError(Fault::kConflict, "the table was written while it was to be rolled back",
                     {.code = "E0904", .state = kUnchanged, .next = "firn history TABLE, then say it again"});
  }
  const SnapshotId head = metadata.current_snapshot_id.value_or(SnapshotId{});
  if (!request.any && !IsAncestorOf(metadata, request.to, head)) {
    return Refused("E0914", "snapshot " + Text(request.to) + " is no ancestor of main",
                   "a rollback goes back to what main was; this snapshot is of a branch, or was rolled back itself",
                   "firn table rollback TABLE --to-snapshot " + Text(request.to) + " --any   (to undo a rollback)");
  }
  ARROW_RETURN_NOT_OK(CheckNothingUnpublished(metadata));
  RefChange change{.requirements = {Require(metadata, kMainBranch)},
                   .updates = {Moved(metadata, kMainBranch, request.to)}};
  ARROW_ASSIGN_OR_RAISE(auto mirrors, MirrorsAt(metadata, request.to));
  ARROW_RETURN_NOT_OK(FenceOlderLoads(metadata, mirrors));
  change.updates.insert(change.updates.end(), mirrors.begin(), mirrors.end());
  return change;
}

Result<RefChange> PlanPublish(const TableMetadata& metadata, const std::string& branch) {
  const auto found = metadata.refs.find(branch);
  const BranchPlace place = PlaceOf(metadata, branch);
  if (place == BranchPlace::kAbsent) {
    return Refused("E0907", "there is nothing to publish", "the table has no branch " + branch, "firn run");
  }
  if (place == BranchPlace::kDiverged) return ViewOfBranch(std::make_shared<TableMetadata>(metadata), branch).status();
  const SnapshotId head = place == BranchPlace::kPublished ? *metadata.current_snapshot_id : found->second.snapshot_id;
  RefChange change{.requirements = {Require(metadata, branch), Require(metadata, kMainBranch)},
                   .updates = {Moved(metadata, kMainBranch, head), update::RemoveSnapshotRef{.name = branch}},
                   .moves_forward = true};
  ARROW_ASSIGN_OR_RAISE(const auto mirrors, MirrorsAt(metadata, head));
  change.updates.insert(change.updates.end(), mirrors.begin(), mirrors.end());
  return change;
}

Result<std::vector<TableUpdate>> MirrorsAt(const TableMetadata& metadata, SnapshotId head) {
  const StreamTokens known = TokensAt(metadata, head);
  update::SetProperties set;
  update::RemoveProperties remove;
  for (const auto& [key, text] : metadata.properties) {
    if (!key.starts_with(kStreamKeyPrefix) || known.tokens.contains(key)) continue;
    if (known.newest == nullptr && known.ends_at_expired) {
      return Refused("E0915", "nobody knows where the streams of the table stood at snapshot " + Text(head),
                     "the snapshots with their positions have expired",
                     "firn table rollback TABLE … --position keep, or choose a younger snapshot");
    }
    remove.removals.push_back(key);  // it began later
  }
  for (const auto& [key, text] : known.tokens) {
    if (const auto doubt = known.doubts.find(key); doubt != known.doubts.end()) {
      return Refused("E0915", "the position at snapshot " + Text(head) + " is in doubt: " + key, doubt->second,
                     "choose a snapshot before the cherry-pick");
    }
    TokenMirror mirror{.snapshot_id = head, .sequence_number = metadata.FindSnapshot(head)->sequence_number};
    ARROW_ASSIGN_OR_RAISE(mirror.token, ParseToken(text));
    set.updates[key] = WriteMirror(mirror);
  }
  std::vector<TableUpdate> updates;
  if (!set.updates.empty()) updates.emplace_back(std::move(set));
  if (!remove.removals.empty()) updates.emplace_back(std::move(remove));
  return updates;
}

const Snapshot* AncestorAsOf(const TableMetadata& metadata, Timestamp time) {
  for (const Snapshot* snapshot : AncestryOfMain(metadata).snapshots) {
    if (snapshot->timestamp_ms * 1000 <= time.micros) return snapshot;
  }
  return nullptr;
}

namespace {

// One run's snapshots next to a time. Its commits follow each other, and each lists its tables in the same order, so a
// next snapshot whose table does not come further down begins another commit.
struct RunAround {
  struct Side {
    int64_t time_ms = 0;
    size_t table = 0;
  };
  std::optional<Side> before;  // the newest that is not younger, of the last table
  std::optional<Side> after;   // the oldest that is younger, of the first table

  void Note(int64_t time_ms, size_t table, Timestamp time) {
    if (time_ms * 1000 <= time.micros) {
      if (!before || time_ms >= before->time_ms) before = {.time_ms = time_ms, .table = table};
    } else if (!after || time_ms < after->time_ms) {
      after = {.time_ms = time_ms, .table = table};
    }
  }
  bool is_cut() const { return before && after && before->table < after->table; }
};

}  // namespace

Timestamp EndOfCommit(std::span<const TableMetadata* const> tables, Timestamp time) {
  while (true) {
    std::map<std::string, RunAround> runs;
    for (size_t i = 0; i < tables.size(); ++i) {
      for (const Snapshot* snapshot : AncestryOfMain(*tables[i]).snapshots) {
        const auto run = snapshot->summary.find("firn.run");
        if (run != snapshot->summary.end()) runs[run->second].Note(snapshot->timestamp_ms, i, time);
      }
    }
    const auto cut = std::ranges::find_if(runs, [](const auto& entry) { return entry.second.is_cut(); });
    if (cut == runs.end()) return time;
    time = {.micros = cut->second.after->time_ms * 1000};
  }
}

namespace {

// True if the table shows what the change wanted: then a commit whose answer was lost has been applied.
bool IsApplied(const TableMetadata& metadata, const RefChange& change) {
  return std::ranges::all_of(change.updates, [&](const TableUpdate& update) {
    if (const auto* add = std::get_if<update::AddSnapshot>(&update)) {
      return metadata.FindSnapshot(add->snapshot.snapshot_id) != nullptr;
    }
    if (const auto* add = std::get_if<update::AddSchema>(&update)) {
      return schema::Equals(metadata.schema(), *add->schema);
    }
    if (const auto* gone = std::get_if<update::RemoveSnapshotRef>(&update)) return !metadata.refs.contains(gone->name);
    const auto* set = std::get_if<update::SetSnapshotRef>(&update);
    if (set == nullptr) return true;
    const auto found = metadata.refs.find(set->name);
    if (found == metadata.refs.end()) return false;
    if (found->second == set->ref) return true;
    return change.moves_forward && IsAncestorOf(metadata, set->ref.snapshot_id, found->second.snapshot_id);
  });
}

bool MayWorkLater(const Status& status) {
  const Fault fault = FaultOf(status);
  return fault == Fault::kTransient || fault == Fault::kThrottled || fault == Fault::kUnreachable ||
         fault == Fault::kBusy;
}

// One change over its attempts.
class RefCommit {
 public:
  RefCommit(const RefContext& context, std::span<const catalog::TableIdentifier> tables, const RefPlan& plan)
      : context_(context), tables_(tables), plan_(plan) {}

  Result<std::vector<catalog::LoadedTable>> Run(std::stop_token stop) {
    if (tables_.size() > 1 && !context_.catalog.traits().multi_table_commit) {
      return MakeError(Fault::kConfig, "this catalog cannot commit several tables at once");
    }
    BackoffOptions waits{
        .base_ms = 50, .delay_ms_max = 5'000, .total_ms = 300'000, .attempts_max = 20, .sleep_scale = SleepScale()};
    Backoff backoff(waits, context_.clock);
    waits.attempts_max = 0;
    Backoff in_doubt_backoff(waits, context_.clock);
    while (true) {
      const auto done = Attempt(stop);
      if (done.ok() && *done) return std::move(loaded_);
      if (!done.ok()) {
        if (!in_doubt_ || !MayWorkLater(done.status())) return done.status();
        reason_ = done.status().message();
      }
      const Status waited = (in_doubt_ ? in_doubt_backoff : backoff).Wait(stop);
      if (!waited.ok()) return Failed(waited);
    }
  }

 private:
  Result<bool> Attempt(std::stop_token stop) {
    ARROW_RETURN_NOT_OK(Load());
    if (in_doubt_ && AllApplied()) return true;
    ARROW_ASSIGN_OR_RAISE(const auto commits, Plan());
    if (commits.empty()) return true;
    FIRN_FAILPOINT("refs.before_swap");
    auto tried = context_.catalog.Commit(commits, stop);
    if (!tried.ok() && FaultOf(tried.status()) == Fault::kOutcomeUnknown) {
      tried = catalog::CommitResult{.outcome = catalog::CommitOutcome::kUnknown, .reason = tried.status().message()};
    }
    ARROW_RETURN_NOT_OK(tried.status());
    const Status answered = failpoint::Hit("refs.after_swap");
    if (!answered.ok()) tried->outcome = catalog::CommitOutcome::kUnknown;
    reason_ = tried->reason;
    if (tried->outcome == catalog::CommitOutcome::kConflict) return false;
    if (tried->outcome == catalog::CommitOutcome::kUnknown) {
      in_doubt_ = true;
      log::Warn("outcome of a change of refs is unknown, looking", {{"reason", reason_}});
      return false;
    }
    for (size_t i = 0; i < planned_.size(); ++i) loaded_[planned_[i]] = tried->tables[i];
    return true;
  }

  Status Load() {
    loaded_.clear();
    for (const auto& identifier : tables_) {
      ARROW_ASSIGN_OR_RAISE(auto table, context_.catalog.LoadTable(identifier));
      if (!table) return MakeError(Fault::kConfig, "there is no table " + identifier.ToString());
      loaded_.push_back(*std::move(table));
    }
    return Status::OK();
  }

  bool AllApplied() const {
    for (size_t i = 0; i < planned_.size(); ++i) {
      if (!IsApplied(*loaded_[planned_[i]].metadata, changes_[i])) return false;
    }
    return true;
  }

  Result<std::vector<catalog::TableCommit>> Plan() {
    std::vector<catalog::TableCommit> commits;
    changes_.clear();
    planned_.clear();
    for (size_t i = 0; i < tables_.size(); ++i) {
      auto change = plan_(tables_[i], loaded_[i]);
      if (!change.ok()) return Within("table " + tables_[i].ToString(), change.status());
      if (!change->has_value()) continue;
      catalog::TableCommit commit{
          .identifier = tables_[i],
          .requirements = {requirement::AssertTableUuid{.uuid = loaded_[i].metadata->table_uuid}},
          .updates = (*change)->updates};
      commit.requirements.insert(commit.requirements.end(), (*change)->requirements.begin(),
                                 (*change)->requirements.end());
      commits.push_back(std::move(commit));
      changes_.push_back(std::move(**change));
      planned_.push_back(i);
    }
    return commits;
  }

  Status Failed(const Status& waited) const {
    if (!in_doubt_) return Within("change of refs: " + reason_, waited);
    return MakeError(Fault::kOutcomeUnknown, "outcome of the change is unknown: " + reason_,
                     {.code = "E0906",
                      .state = "the change is either whole in the tables or not at all",
                      .next = "firn history TABLE"});
  }

  const RefContext& context_;
  const std::span<const catalog::TableIdentifier> tables_;
  const RefPlan& plan_;
  std::vector<catalog::LoadedTable> loaded_;  // of all tables
  std::vector<RefChange> changes_;            // of the last attempt, of the tables with something to do
  std::vector<size_t> planned_;               // which those are
  std::string reason_;
  bool in_doubt_ = false;
};

}  // namespace

Result<std::vector<catalog::LoadedTable>> CommitRefs(const RefContext& context,
                                                     std::span<const catalog::TableIdentifier> tables,
                                                     const RefPlan& plan, std::stop_token stop) {
  return RefCommit(context, tables, plan).Run(std::move(stop));
}

}  // namespace firn::table
