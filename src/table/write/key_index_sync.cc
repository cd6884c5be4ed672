#include "table/write/key_index_sync.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/log.h"

namespace firn::table {

namespace {

using index::IndexedSnapshot;
using index::KeyIndex;
using index::RowAddress;
using index::SnapshotRelation;
using Paths = std::unordered_set<std::string_view>;

/// The snapshot `from` if it is `to` or an ancestor of it, else null.
const Snapshot* FindAncestor(const TableMetadata& metadata, const Snapshot& to, SnapshotId from) {
  std::unordered_map<int64_t, const Snapshot*> by_id;
  for (const Snapshot& snapshot : metadata.snapshots) by_id[snapshot.snapshot_id.value] = &snapshot;
  const Snapshot* at = &to;
  // No more steps than there are snapshots: foreign metadata might have a circle.
  for (size_t step = 0; step <= by_id.size(); ++step) {
    if (at->snapshot_id == from) return at;
    if (!at->parent_snapshot_id) return nullptr;
    const auto parent = by_id.find(at->parent_snapshot_id->value);
    if (parent == by_id.end()) return nullptr;
    at = parent->second;
  }
  return nullptr;
}

/// Tells whether two snapshots delete the same rows of a file: by the delete files, in whatever order they are listed.
/// Rows can also come back, when another writer removes a delete file; so deletes are compared, not just looked at for
/// newer ones.
class DeletesDigest {
 public:
  uint64_t Of(const FileDeletes& deletes) {
    uint64_t sum = 0;
    if (deletes.vector != nullptr) sum += Of(*deletes.vector);
    for (const DeleteEntry& entry : deletes.positions) sum += Of(*entry);
    for (const auto& group : deletes.equality) {
      const auto [found, fresh] = groups_.try_emplace(group.get());
      for (size_t i = 0; fresh && i < group->entries.size(); ++i) found->second += Of(*group->entries[i]);
      sum += found->second;
    }
    return sum;
  }

 private:
  static uint64_t Of(const ManifestEntry& entry) {
    return Xxh3(FileKeyOf(entry.file), static_cast<uint64_t>(entry.sequence_number.value_or(-1))).low;
  }
  std::unordered_map<const EqualityGroup*, uint64_t> groups_;
};

/// Adds to `changed` the files of the target whose live rows may be others than in `before`.
void FindChanged(const ScanPlan& before, const ScanPlan& now, Paths* changed) {
  struct Rows {
    std::optional<int64_t> added;
    int64_t count = 0;
    uint64_t deletes = 0;
    bool operator==(const Rows&) const = default;
  };
  const auto rows_of = [](const ScanPlan& plan, size_t i, DeletesDigest* digest) {
    const ManifestEntry& entry = plan.files[i];
    return Rows{entry.file_sequence_number, entry.file.record_count, digest->Of(plan.DeletesOf(i))};
  };
  std::unordered_map<std::string_view, Rows> rows;
  DeletesDigest digest_before, digest_now;
  for (size_t i = 0; i < before.files.size(); ++i) {
    rows[before.files[i].file.file_path] = rows_of(before, i, &digest_before);
  }
  for (size_t i = 0; i < now.files.size(); ++i) {
    const auto found = rows.find(now.files[i].file.file_path);
    if (found == rows.end() || found->second != rows_of(now, i, &digest_now)) {
      changed->insert(now.files[i].file.file_path);
    }
  }
}

class Sync {
 public:
  Sync(io::FileStore& files, const MergeTarget& target, const KeyScanOptions& keys, DeleteReader& reader,
       KeyIndex& index)
      : files_(files), target_(target), keys_(keys), reader_(reader), index_(index) {}

  Result<KeyIndexCatchUp> Run() {
    const Snapshot* snapshot = target_.metadata == nullptr ? nullptr : target_.metadata->CurrentSnapshot();
    const ScanPlan* live = target_.live;
    std::vector<std::string> paths;
    for (size_t i = 0; live != nullptr && i < live->files.size(); ++i) paths.push_back(live->files[i].file.file_path);
    const index::FileDifference difference = index_.CompareFiles(paths);
    const bool same_files = difference.missing.empty() && difference.superfluous.empty();
    const auto current = snapshot == nullptr
                             ? std::nullopt
                             : std::optional(IndexedSnapshot{.snapshot_id = snapshot->snapshot_id,
                                                             .sequence_number = snapshot->sequence_number});
    if (current && same_files && index_.Compare(*current) == SnapshotRelation::kSame) return result_;

    Paths read(difference.missing.begin(), difference.missing.end());
    result_.rebuilt = current && !MayFollow(*snapshot, *current, &read);
    if (result_.rebuilt) read.insert(paths.begin(), paths.end());
    for (const std::string& path : difference.superfluous) ARROW_RETURN_NOT_OK(index_.RemoveFile(path));
    for (size_t i = 0; i < paths.size(); ++i) {
      if (read.contains(paths[i])) ARROW_RETURN_NOT_OK(ReadFile(i));
    }
    if (!current) return result_;
    FIRN_FAILPOINT("merge.index_caught_up");
    ARROW_RETURN_NOT_OK(index_.Publish(*current));
    log::Info(result_.rebuilt ? "key index built" : "key index caught up",
              {{"files_read", result_.files_read}, {"files", paths.size()}});
    return result_;
  }

 private:
  /// True if it is enough to read the missing files and those now added to `read`.
  bool MayFollow(const Snapshot& snapshot, IndexedSnapshot current, Paths* read) {
    if (!index_.snapshot() || index_.Compare(current) != SnapshotRelation::kBehind) return false;
    const Snapshot* before = FindAncestor(*target_.metadata, snapshot, index_.snapshot()->snapshot_id);
    if (before == nullptr) return false;
    const auto plan = PlanFiles(files_, *target_.metadata, *before, {.deletes = ScanOptions::Deletes::kPlan});
    if (!plan.ok()) return false;  // its manifests may be gone
    if (target_.live != nullptr) FindChanged(*plan, *target_.live, read);
    return true;
  }

  Status ReadFile(size_t i) {
    FIRN_FAILPOINT("merge.index_read_file");
    const ManifestEntry& entry = target_.live->files[i];
    if (index_.OrdinalOf(entry.file.file_path)) ARROW_RETURN_NOT_OK(index_.RemoveFile(entry.file.file_path));
    ARROW_ASSIGN_OR_RAISE(const index::FileOrdinal ordinal, index_.AddFile(entry.file.file_path));
    ARROW_ASSIGN_OR_RAISE(auto deleted, reader_.DeletedRows(entry, target_.live->DeletesOf(i)));
    ++result_.files_read;
    std::vector<RowAddress> rows;
    return ScanKeys(files_, entry.file, std::move(deleted), keys_,
                    [&](std::span<const Hash128> keys, std::span<const int64_t> positions) {
                      rows.clear();
                      for (const int64_t position : positions) rows.push_back({.file = ordinal, .position = position});
                      return index_.Add(keys, rows);
                    });
  }

  io::FileStore& files_;
  const MergeTarget& target_;
  const KeyScanOptions& keys_;
  DeleteReader& reader_;
  KeyIndex& index_;
  KeyIndexCatchUp result_;
};

}  // namespace

Result<KeyIndexCatchUp> CatchUp(io::FileStore& files, const MergeTarget& target, const KeyScanOptions& keys,
                                DeleteReader& reader, KeyIndex& index) {
  return Sync(files, target, keys, reader, index).Run();
}

}  // namespace firn::table
