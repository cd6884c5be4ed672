#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "io/file_store.h"
#include "table/index/batch_probe.h"
#include "table/index/disk_run.h"
#include "table/index/entry.h"
#include "table/index/key_index.h"
#include "table/index/live_files.h"
#include "table/index/merge_policy.h"
#include "table/index/run_merge.h"

namespace firn::table::index {

/// The entries of an index: what is accepted, what is staged, in memory and on disk, and their merging. Knows nothing
/// of keys, snapshots and the state file. Used by one thread. Errors: kBadData and not found mean damage.
class RunStore {
 public:
  /// `accepted`: files without staged changes; borrowed, read while merging.
  RunStore(io::FileStore& files, const KeyIndexOptions& options, const LiveFiles& accepted);
  ~RunStore();

  /// Opens the published runs, from the oldest to the newest.
  Status Load(std::span<const RunRecord> records);

  Status Stage(const Entry& entry);
  /// Looks for ascending, distinct hashes in everything, staged entries included.
  Result<std::vector<BatchProbe::Hit>> Look(std::span<const KeyHash> hashes);
  /// How many hashes Look should get at once.
  size_t batch_max() const { return batch_max_; }

  /// See KeyIndex::CollapseStaged. `visible`: files whose rows count.
  Status CollapseStaged(const LiveFiles& visible, const SupersededRows& superseded);
  /// All staged entries count as accepted, whatever it returns.
  Status Accept();
  /// Drops what is staged, its files too.
  Status Discard();
  /// Writes what is accepted and still in memory. The folder is not synced.
  Status Flush();
  /// See KeyIndex::Maintain. `num_dead`: rows of removed files; half of all entries makes everything be merged.
  Result<bool> Merge(int64_t entries_max, int64_t num_dead);
  /// Entries accepted since the last call: merging keeps pace with them.
  int64_t TakeNumAccepted() { return std::exchange(num_accepted_, 0); }
  /// Rows of removed files that merges of everything have folded away since the last call.
  int64_t TakeNumFolded() { return std::exchange(num_folded_, 0); }

  /// What is accepted and on disk: the runs of the next state.
  std::vector<RunRecord> Records() const;
  /// The run that a merge under way is writing: no state refers to it yet.
  std::optional<uint64_t> merging() const;
  /// Removes the files of runs that were merged away, once the state without them is published.
  Status RemoveObsolete();
  /// Reads and checks every block.
  Status Scrub() const;

  /// What others hold of the budget: file paths.
  void SetOtherBytes(int64_t bytes) { other_bytes_ = bytes; }
  /// Errors: kConfig if what grows with the table (fences, paths) is over its quarter of the budget.
  Status CheckBudget() const;
  void AddStats(KeyIndexStats* stats) const;
  int64_t memory_bytes() const;

 private:
  /// One run: in memory or on disk.
  struct Run {
    std::shared_ptr<const std::vector<Entry>> memory;
    std::shared_ptr<DiskRun> disk;
    int64_t num_entries() const {
      return disk != nullptr ? static_cast<int64_t>(disk->shape().num_entries) : static_cast<int64_t>(memory->size());
    }
  };
  using Runs = std::vector<Run>;
  /// A merge of accepted runs that is under way.
  struct ActiveMerge {
    std::vector<uint64_t> inputs;  // from the oldest to the newest
    bool bottom = false;
    int64_t num_folding = 0;  // rows of removed files that are gone when it ends
    std::unique_ptr<RunMerge> merge;
    std::unique_ptr<RunWriter> writer;
  };

  Status GrowTail();
  void SealTail();
  Status MergeMemoryRuns(Runs* runs);
  Status Overflow();
  Status FlushRuns(Runs* runs, bool oldest);
  Result<Run> WriteRun(std::span<const Run> inputs, bool bottom);
  Status MergeStaged();
  Status MergeStaged(const MergeChoice& choice);
  Status RemoveFiles(const Runs& runs);
  Status StartMerge(int64_t num_dead);
  Status FinishMerge();
  Result<std::unique_ptr<RunWriter>> OpenWriter(int64_t num_entries);
  std::unique_ptr<RunMerge> MakeMerge(std::span<const Run> inputs, bool bottom, const LiveFiles* live) const;
  std::optional<MergeChoice> Choose(const Runs& runs, size_t fan_in_min, int64_t num_dead) const;

  int64_t MemoryEntries() const;
  int64_t FenceBytes() const;
  int64_t FilterBytes() const;
  int64_t FilterRoom() const;
  template <typename Visit>
  void ForEachRun(Visit&& visit) const;

  io::FileStore& files_;
  const KeyIndexOptions options_;
  const LiveFiles& accepted_files_;
  const size_t staged_entries_max_;
  const size_t batch_max_;
  const size_t fan_in_max_;
  ProbeResources resources_;

  Runs accepted_;            // from the oldest to the newest
  Runs staged_;              // all newer
  std::vector<Entry> tail_;  // newest of all, in order of arrival
  std::optional<ActiveMerge> active_;
  std::vector<uint64_t> obsolete_;
  int64_t num_accepted_ = 0;
  int64_t num_folded_ = 0;
  int64_t other_bytes_ = 0;
  int64_t entries_merged_ = 0;
  int64_t runs_written_ = 0;
};

}  // namespace firn::table::index
