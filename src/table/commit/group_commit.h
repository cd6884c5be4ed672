#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "table/commit/commit_member.h"

namespace firn::table {

/// One commit of a group: attempts until it is committed, refused, or out of time. Used once, by one thread.
class GroupCommit {
 public:
  GroupCommit(std::span<const StagedTable> tables, CommitMember::Context context, bool forced);

  /// As Committer::Commit.
  Result<std::vector<CommittedTable>> Run(std::stop_token stop);

  /// After success: what each member was committed on, and files that nothing refers to.
  const std::vector<std::unique_ptr<CommitMember>>& members() const { return members_; }
  std::vector<std::string> LeftOver() const;
  /// False if the group was found committed: then this process cannot know what else is left.
  bool swapped() const { return swapped_; }

 private:
  enum class Step { kTryAgain, kDone };

  Status Prepare();
  Result<Step> Attempt(int attempt, std::stop_token stop);
  Result<Verdict> LoadAndJudge();
  Status Refused(Verdict verdict) const;
  Result<std::vector<catalog::TableCommit>> Build(int attempt, std::stop_token stop);
  void TakeTime();
  Status MakeDurable(std::vector<catalog::TableCommit>& commits);
  Status SyncFolders();
  Result<Step> Swap(const std::vector<catalog::TableCommit>& commits, std::stop_token stop);
  Status Failed(const Status& status);
  void Remove(const std::vector<std::string>& files);

  const CommitMember::Context context_;
  std::vector<std::unique_ptr<CommitMember>> members_;
  std::vector<CommittedTable> committed_;
  int64_t time_ms_ = 0;                       // of all its snapshots; kept over attempts while no table is younger
  std::shared_ptr<io::BackgroundSync> sync_;  // of all attempts, as long as it has no error
  bool in_doubt_ = false;                     // some attempt may have been applied: from then on nothing is removed
  bool swapped_ = false;
  std::string last_reason_;
};

}  // namespace firn::table
