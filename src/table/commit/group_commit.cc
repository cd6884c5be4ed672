#include "table/commit/group_commit.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"

namespace firn::table {
namespace {

bool MayWorkLater(const Status& status) {
  const Fault fault = FaultOf(status);
  return fault == Fault::kTransient || fault == Fault::kThrottled || fault == Fault::kUnreachable ||
         fault == Fault::kOutcomeUnknown || fault == Fault::kBusy;
}

constexpr char kNothingCommitted[] = "nothing of this commit is in the table";

}  // namespace

GroupCommit::GroupCommit(std::span<const StagedTable> tables, CommitMember::Context context, bool forced)
    : context_(context) {
  for (const StagedTable& table : tables) members_.push_back(std::make_unique<CommitMember>(table, context, forced));
}

Result<std::vector<CommittedTable>> GroupCommit::Run(std::stop_token stop) {
  const Status prepared = Prepare();
  if (!prepared.ok()) return Failed(prepared);
  const BackoffOptions swaps{.base_ms = context_.options.backoff_base_ms,
                             .delay_ms_max = context_.options.backoff_delay_ms_max,
                             .total_ms = context_.options.total_ms,
                             .attempts_max = context_.options.attempts_max,
                             .sleep_scale = SleepScale()};
  Backoff backoff(swaps, context_.clock);
  // An unknown outcome is looked after as long as there is time, however often that is.
  BackoffOptions looks = swaps;
  looks.attempts_max = 0;
  Backoff in_doubt_backoff(looks, context_.clock);
  for (int attempt = 0;; ++attempt) {
    const auto step = Attempt(attempt, stop);
    if (!step.ok()) {
      // While in doubt, a catalog that does not answer is asked again: the next load says what happened.
      if (!in_doubt_ || !MayWorkLater(step.status())) return Failed(step.status());
      last_reason_ = step.status().message();
    } else if (*step == Step::kDone) {
      return std::move(committed_);
    }
    const Status waited = (in_doubt_ ? in_doubt_backoff : backoff).Wait(stop);
    if (!waited.ok()) return Failed(Within("commit: " + last_reason_, waited));
  }
}

Status GroupCommit::Prepare() {
  if (members_.empty()) return MakeError(Fault::kBug, "commit of no table");
  if (members_.size() > 1 && !context_.catalog.traits().multi_table_commit) {
    return MakeError(Fault::kConfig, "this catalog cannot commit several tables at once");
  }
  std::set<catalog::TableIdentifier> seen;
  for (const auto& member : members_) {
    if (!seen.insert(member->staged().identifier).second) {
      return MakeError(Fault::kBug, "table twice in one commit: " + member->staged().identifier.ToString());
    }
    ARROW_RETURN_NOT_OK(member->Prepare());
    if (member->staged().create) {
      ARROW_RETURN_NOT_OK(context_.catalog.CreateNamespace(member->staged().identifier.ns));
    }
  }
  return Status::OK();
}

Result<GroupCommit::Step> GroupCommit::Attempt(int attempt, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const Verdict verdict, LoadAndJudge());
  if (verdict == Verdict::kAlreadyDone) {
    for (const auto& member : members_) committed_.push_back(member->AlreadyDone());
    return Step::kDone;
  }
  if (verdict != Verdict::kContiguous) return Refused(verdict);
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped before the swap");
  ARROW_ASSIGN_OR_RAISE(auto commits, Build(attempt, stop));
  ARROW_RETURN_NOT_OK(MakeDurable(commits));
  FIRN_FAILPOINT("commit.before_swap");
  return Swap(commits, stop);
}

Result<Verdict> GroupCommit::LoadAndJudge() {
  std::vector<Verdict> verdicts;
  for (const auto& member : members_) {
    ARROW_ASSIGN_OR_RAISE(const auto loaded, context_.catalog.LoadTable(member->staged().identifier));
    const auto verdict = member->JudgeOn(loaded);
    if (!verdict.ok()) return Within("table " + member->staged().identifier.ToString(), verdict.status());
    verdicts.push_back(*verdict);
  }
  return JudgeGroup(verdicts);
}

Status GroupCommit::Refused(Verdict verdict) const {
  std::string tables;
  for (const auto& member : members_) tables += (tables.empty() ? "" : ", ") + member->staged().identifier.ToString();
  switch (verdict) {
    case Verdict::kFenced:
      return MakeError(Fault::kConflict, "fenced: a newer run owns the stream of " + tables,
                       {.code = "E0905", .state = kNothingCommitted, .next = "firn status"});
    case Verdict::kOverlap:
      return MakeError(Fault::kConflict, "somebody else moved the stream of " + tables + ", run again",
                       {.code = "E0904", .state = kNothingCommitted, .next = "firn run"});
    default:
      return MakeError(
          Fault::kConfig,
          "tables that are committed together hold different parts of this commit and need a decision: " + tables,
          {.code = "E0903",
           .why = "a table of the group was rolled back or restored by itself",
           .state = "nothing was changed",
           .next = "firn state accept|reset"});
  }
}

Result<std::vector<catalog::TableCommit>> GroupCommit::Build(int attempt, std::stop_token stop) {
  if (sync_ != nullptr && !sync_->Wait().ok()) {
    for (const auto& member : members_) member->ForgetBuilt();
    sync_.reset();
  }
  if (sync_ == nullptr) sync_ = std::make_shared<io::BackgroundSync>(context_.files);
  TakeTime();
  std::vector<catalog::TableCommit> commits;
  for (const auto& member : members_) {
    auto commit = member->Build({.number = attempt, .time_ms = time_ms_}, *sync_, stop);
    if (!commit.ok()) return Within("table " + member->staged().identifier.ToString(), commit.status());
    commits.push_back(*std::move(commit));
  }
  return commits;
}

void GroupCommit::TakeTime() {
  if (time_ms_ == 0) time_ms_ = context_.clock.Now().micros / 1000;
  for (const auto& member : members_) {
    if (member->loaded()) time_ms_ = std::max(time_ms_, member->loaded()->metadata->last_updated_ms);
  }
}

// Nothing refers to manifests and lists before the swap, so a catalog that writes a metadata file itself lets all of
// them become durable at once, just before.
Status GroupCommit::MakeDurable(std::vector<catalog::TableCommit>& commits) {
  if (!context_.catalog.traits().waits_for_files) {
    ARROW_RETURN_NOT_OK(sync_->Wait());
    return SyncFolders();
  }
  for (catalog::TableCommit& commit : commits) {
    commit.files_durable = [sync = sync_] { return sync->Wait(); };
  }
  return Status::OK();
}

// Manifests and lists are synced one by one as files; their names become durable here, before anything refers to them.
Status GroupCommit::SyncFolders() {
  std::set<std::string> folders;
  for (const auto& member : members_) folders.insert(io::FolderOf(member->built()->snapshot.manifest_list));
  for (const std::string& folder : folders) ARROW_RETURN_NOT_OK(context_.files.SyncFolder(folder));
  return Status::OK();
}

Result<GroupCommit::Step> GroupCommit::Swap(const std::vector<catalog::TableCommit>& commits, std::stop_token stop) {
  auto tried = context_.catalog.Commit(commits, stop);
  if (!tried.ok() && FaultOf(tried.status()) == Fault::kOutcomeUnknown) {
    tried = catalog::CommitResult{.outcome = catalog::CommitOutcome::kUnknown, .reason = tried.status().message()};
  }
  ARROW_RETURN_NOT_OK(tried.status());
  // A failure of this failpoint stands for a response that was lost.
  const Status answered = failpoint::Hit("commit.after_swap");
  if (!answered.ok()) tried->outcome = catalog::CommitOutcome::kUnknown;
  last_reason_ = tried->reason;
  if (tried->outcome == catalog::CommitOutcome::kConflict) return Step::kTryAgain;
  if (tried->outcome == catalog::CommitOutcome::kUnknown) {
    in_doubt_ = true;
    log::Warn("outcome of a commit is unknown, looking", {{"reason", tried->reason}});
    if (failpoint::SeededBug("delete_on_unknown")) {
      for (const auto& member : members_) Remove(member->data_files());
      return MakeError(Fault::kBug, "seeded bug");
    }
    return Step::kTryAgain;
  }
  if (tried->tables.size() != members_.size()) return MakeError(Fault::kBug, "catalog answered for other tables");
  for (size_t i = 0; i < members_.size(); ++i) committed_.push_back(members_[i]->Committed(tried->tables[i]));
  swapped_ = true;
  return Step::kDone;
}

// Known not to be committed: own metadata goes; own data files too if no further attempt could use them.
Status GroupCommit::Failed(const Status& status) {
  if (in_doubt_) {
    log::Warn("files of a commit in doubt are kept", {{"reason", status.message()}});
    return MakeError(Fault::kOutcomeUnknown, "outcome of the commit is unknown: " + status.message(),
                     {.code = "E0906",
                      .state = "the commit is either whole in the tables or not at all; nothing was removed",
                      .next = "firn run (finds out and goes on)"});
  }
  if (sync_ != nullptr) static_cast<void>(sync_->Wait());  // `status` is the error to tell
  for (const auto& member : members_) {
    Remove(member->stale_files());
    Remove(member->current_files());
    if (FaultOf(status) == Fault::kConflict) Remove(member->data_files());
  }
  return WithContext(status, {.state = kNothingCommitted});
}

void GroupCommit::Remove(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const Status removed = context_.files.Remove(file);
    if (!removed.ok()) log::Warn("file of a failed commit kept", {{"file", file}, {"reason", removed.message()}});
  }
}

std::vector<std::string> GroupCommit::LeftOver() const {
  std::vector<std::string> files;
  if (in_doubt_) return files;
  for (const auto& member : members_) {
    const auto unused = member->unused_data_files();
    files.insert(files.end(), member->stale_files().begin(), member->stale_files().end());
    files.insert(files.end(), unused.begin(), unused.end());
  }
  return files;
}

}  // namespace firn::table
