#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "io/background_sync.h"
#include "io/file_store.h"
#include "table/commit/committer.h"
#include "table/commit/contiguity.h"
#include "table/commit/snapshot_builder.h"

namespace firn::table {

/// One try to commit. All snapshots of a commit have the same time, so no time lies between them.
struct CommitAttempt {
  int number = 0;       // from 0
  int64_t time_ms = 0;  // no table was changed later
};

/// One table's part of one commit, over all its attempts. Used by one thread.
class CommitMember {
 public:
  struct Context {
    catalog::Catalog& catalog;
    io::FileStore& files;
    ManifestLists& lists;
    const Clock& clock;
    const CommitterOptions& options;
  };
  /// `staged` outlives the member. `forced`: the stream's position is set whatever the table says.
  CommitMember(const StagedTable& staged, Context context, bool forced);

  /// Checks what does not depend on the table, and that the files are there. Writes the state blob.
  Status Prepare();
  /// Takes in the table as it is now and judges. Errors: kConflict if it is another table, or its schema, partitioning
  /// or format version is no longer what was planned on; kConfig "needs decision", or of CheckWritable.
  Result<Verdict> JudgeOn(const std::optional<catalog::LoadedTable>& loaded);
  /// Builds the share of the next attempt on what JudgeOn saw. What an earlier attempt built on the same parent is used
  /// again. Errors: kConflict if a file to be replaced is gone.
  /// `sync` makes the files durable.
  Result<catalog::TableCommit> Build(const CommitAttempt& attempt, io::BackgroundSync& sync, std::stop_token stop);
  /// The files of the attempt in hand may not be durable: the next attempt writes new ones.
  void ForgetBuilt();

  /// Result of a committed attempt, and of kAlreadyDone on what JudgeOn saw.
  CommittedTable Committed(const catalog::LoadedTable& table) const;
  CommittedTable AlreadyDone() const;
  /// The entries of built()->added_manifest as a reader would find them, but for the row ids the list gives.
  std::vector<ManifestEntry> AddedEntries() const;

  const StagedTable& staged() const { return staged_; }
  const std::optional<catalog::LoadedTable>& loaded() const { return loaded_; }
  const std::optional<BuiltSnapshot>& built() const { return built_; }
  /// Metadata files of attempts that are over; the attempt in hand does not use them.
  const std::vector<std::string>& stale_files() const { return stale_files_; }
  /// Metadata files of the attempt in hand.
  std::vector<std::string> current_files() const;
  /// Data files made for this commit, of all plans.
  const std::vector<std::string>& data_files() const { return data_files_; }
  /// Data files of plans that the attempt in hand does not use.
  std::vector<std::string> unused_data_files() const;

 private:
  void NoteDataFiles();
  Status CheckStaged() const;
  Status SeeBranch();
  Status CheckFits() const;
  bool IsBoundToVersion() const;
  int32_t VersionFor(const TableMetadata& metadata) const;
  Status CheckFiles() const;
  Status JoinCreated();
  Result<std::shared_ptr<const TableMetadata>> Evolved(int64_t time_ms, std::vector<TableUpdate>& updates) const;
  void AddLayoutUpdates(std::vector<TableUpdate>& updates) const;
  std::vector<TableRequirement> Requirements() const;
  Status BuildSnapshot(const TableMetadata& evolved, const CommitAttempt& attempt, io::BackgroundSync& sync);
  void DropAttempt();
  Status Replan(std::stop_token stop);
  void AddSnapshotUpdates(std::vector<TableUpdate>& updates) const;
  Status AddExpiry(std::vector<TableUpdate>& updates) const;
  bool creates() const { return !loaded_.has_value(); }
  bool has_base() const { return staged_.base != nullptr; }
  bool on_main() const { return staged_.branch == kMainBranch; }
  bool rewrites() const { return staged_.mode == WriteMode::kRewrite; }

  const StagedTable& staged_;
  const Context context_;
  const bool forced_;
  const std::string location_;
  const SnapshotId snapshot_id_;
  StreamToken token_;
  SnapshotBuilder builder_;

  RowDelta delta_;                        // what is to be added and removed
  std::optional<SnapshotId> planned_on_;  // kRowDelta: the snapshot that `delta_` was planned on
  std::optional<catalog::LoadedTable> loaded_;
  const Snapshot* done_ = nullptr;  // of loaded_, if this commit is in it
  std::optional<BuiltSnapshot> built_;
  std::vector<std::string> stale_files_;
  std::vector<std::string> data_files_;
};

}  // namespace firn::table
