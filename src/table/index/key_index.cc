#include "table/index/key_index.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/random.h"
#include "io/process_lock.h"
#include "table/index/file_table.h"
#include "table/index/index_state.h"
#include "table/index/run_store.h"
#include "table/index/staged_entries.h"

namespace firn::table::index {

namespace {

// Merging keeps pace with what is written: an entry is merged once a tier.
constexpr int64_t kMergesPerEntry = 8;
constexpr int64_t kMergeEntriesMin = 4096;
// A publish does no more than this (about half a second), unless runs pile up because nobody calls Maintain.
constexpr int64_t kMergeEntriesMax = int64_t{4} << 20;
constexpr int64_t kRunsMax = 48;
constexpr int64_t kStateBytesMax = int64_t{1} << 30;

bool MeansDamage(const Status& status) {
  return io::IsNotFound(status) || FaultOf(status) == Fault::kBadData;
}

KeyHash Masked(const KeyHash& hash, int bits) {
  if (bits >= 128) return hash;
  if (bits >= 64) return {.high = hash.high, .low = bits == 64 ? 0 : hash.low & (~uint64_t{0} << (128 - bits))};
  return {.high = hash.high & (~uint64_t{0} << (64 - bits))};
}

Status CheckOptions(const KeyIndexOptions& options) {
  FIRN_CHECK(options.hash_bits >= 8 && options.hash_bits <= 128);
  if (options.memory_bytes >= kMemoryBytesMin) return Status::OK();
  return MakeError(Fault::kConfig,
                   "the key index needs more memory: " + std::to_string(options.memory_bytes) + " < " +
                       std::to_string(kMemoryBytesMin) + " bytes",
                   {.next = "raise --memory"});
}

Result<io::ProcessLock> LockFolder(io::FileStore& files, const std::string& folder) {
  ARROW_RETURN_NOT_OK(files.CreateFolder(folder));
  ARROW_ASSIGN_OR_RAISE(const std::string path, io::PathOfLocation(folder));
  return io::ProcessLock::Acquire(path + "/lock");
}

class KeyIndexImpl : public KeyIndex {
 public:
  KeyIndexImpl(io::FileStore& files, KeyIndexOptions options, io::ProcessLock lock)
      : files_(files),
        options_(std::move(options)),
        lock_(std::move(lock)),
        runs_(files_, options_, table_.accepted()) {}

  void MakeNew() {
    FillRandom(secret_);
    sweep_after_publish_ = true;
  }

  // Returns why it must be rebuilt; nullopt if it is open.
  Result<std::optional<OpenedKeyIndex>> Load() {
    const auto rebuild = [](RebuildReason reason, std::string why) {
      return OpenedKeyIndex{.reason = reason, .why = std::move(why)};
    };
    auto bytes = files_.ReadText(StateLocation(options_.folder), kStateBytesMax);
    if (io::IsNotFound(bytes.status())) return rebuild(RebuildReason::kMissing, "there is no index yet");
    ARROW_RETURN_NOT_OK(bytes.status());
    const auto state = DecodeState(*bytes);
    if (!state.ok() && MeansDamage(state.status())) return rebuild(RebuildReason::kDamaged, state.status().message());
    ARROW_RETURN_NOT_OK(state.status());
    if (state->table_uuid != options_.table_uuid) {
      return rebuild(RebuildReason::kOtherTable, "it is of table " + state->table_uuid.ToString());
    }
    if (state->hash_bits != static_cast<uint32_t>(options_.hash_bits)) {
      return rebuild(RebuildReason::kOtherHash, "its hashes have " + std::to_string(state->hash_bits) + " bits");
    }
    const Status loaded = LoadParts(*state);
    if (!loaded.ok() && MeansDamage(loaded)) return rebuild(RebuildReason::kDamaged, loaded.message());
    ARROW_RETURN_NOT_OK(loaded);
    ARROW_RETURN_NOT_OK(runs_.CheckBudget());
    ARROW_RETURN_NOT_OK(Sweep(*state));
    return std::nullopt;
  }

  const HashSecret& secret() const override { return secret_; }

  Result<FileOrdinal> AddFile(std::string path) override {
    ARROW_RETURN_NOT_OK(damage_);
    ARROW_ASSIGN_OR_RAISE(const FileOrdinal file, table_.Add(std::move(path)));
    runs_.SetOtherBytes(table_.memory_bytes());
    return file;
  }
  Status RemoveFile(std::string_view path) override {
    ARROW_RETURN_NOT_OK(damage_);
    return table_.Remove(path);
  }
  Status RenameStagedFile(std::string_view path, std::string new_path) override {
    ARROW_RETURN_NOT_OK(damage_);
    ARROW_RETURN_NOT_OK(table_.RenameStaged(path, std::move(new_path)));
    runs_.SetOtherBytes(table_.memory_bytes());
    return Status::OK();
  }
  std::optional<std::string_view> PathOf(FileOrdinal file) const override { return table_.PathOf(file); }
  std::optional<FileOrdinal> OrdinalOf(std::string_view path) const override { return table_.OrdinalOf(path); }

  Status Add(std::span<const KeyHash> keys, std::span<const RowAddress> rows) override {
    ARROW_RETURN_NOT_OK(CheckRows(keys, rows));
    return Judge(StageRows(EntryKind::kAdd, keys, rows));
  }
  Status CollapseStaged(const SupersededRows& superseded) override {
    ARROW_RETURN_NOT_OK(damage_);
    if (!exact() || snapshot_.has_value()) {
      return MakeError(Fault::kBug, "only the first load of a key index with 128-bit hashes can be collapsed");
    }
    Status theirs;  // an error of the caller's is no damage of ours
    const Status status = runs_.CollapseStaged(table_.visible(), [&](std::span<const RowAddress> rows) {
      theirs = superseded(rows);
      return theirs.ok() ? Status::OK() : MakeError(Fault::kCancelled, "collapsing was stopped");
    });
    return theirs.ok() ? Judge(status) : theirs;
  }
  Status Remove(std::span<const KeyHash> keys, std::span<const RowAddress> rows) override {
    ARROW_RETURN_NOT_OK(damage_);
    FIRN_CHECK(keys.size() == rows.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      ARROW_RETURN_NOT_OK(Judge(runs_.Stage(MakeEntry(EntryKind::kRemoveRow, Mask(keys[i]), rows[i]))));
    }
    return Status::OK();
  }

  Result<std::vector<KeyMatch>> Lookup(std::span<const KeyHash> keys, const KeyVerifier& verify) override {
    ARROW_RETURN_NOT_OK(damage_);
    return Find(keys, verify, /*distinct=*/false);
  }
  Result<std::vector<KeyMatch>> Upsert(std::span<const KeyHash> keys, std::span<const RowAddress> rows,
                                       const KeyVerifier& verify) override {
    ARROW_RETURN_NOT_OK(CheckRows(keys, rows));
    ARROW_ASSIGN_OR_RAISE(auto matches, Find(keys, verify, /*distinct=*/true));
    if (!exact()) ARROW_RETURN_NOT_OK(StageRemovals(keys, matches));
    ARROW_RETURN_NOT_OK(Judge(StageRows(exact() ? EntryKind::kPut : EntryKind::kAdd, keys, rows)));
    return matches;
  }
  Result<std::vector<KeyMatch>> Delete(std::span<const KeyHash> keys, const KeyVerifier& verify) override {
    ARROW_RETURN_NOT_OK(damage_);
    ARROW_ASSIGN_OR_RAISE(auto matches, Find(keys, verify, /*distinct=*/false));
    ARROW_RETURN_NOT_OK(StageRemovals(keys, matches));
    return matches;
  }

  Status Accept(IndexedSnapshot snapshot) override {
    ARROW_RETURN_NOT_OK(damage_);
    table_.Accept();
    snapshot_ = snapshot;
    runs_.SetOtherBytes(table_.memory_bytes());
    ARROW_RETURN_NOT_OK(Judge(runs_.Accept()));
    return Judge(runs_.CheckBudget());
  }
  Status Publish(IndexedSnapshot snapshot) override {
    ARROW_RETURN_NOT_OK(Accept(snapshot));
    ARROW_RETURN_NOT_OK(Judge(runs_.Flush()));
    const int64_t wanted = runs_.TakeNumAccepted() * kMergesPerEntry + kMergeEntriesMin;
    const bool piled_up = stats().num_runs > kRunsMax;
    const int64_t most = options_.publish_merge_max > 0 ? options_.publish_merge_max : kMergeEntriesMax;
    ARROW_RETURN_NOT_OK(Maintain(piled_up ? wanted : std::min(wanted, most)).status());
    return Judge(WriteState());
  }
  Status Discard() override {
    ARROW_RETURN_NOT_OK(damage_);
    table_.Discard();
    runs_.SetOtherBytes(table_.memory_bytes());
    return runs_.Discard();
  }
  Result<bool> Maintain(int64_t entries_max) override {
    ARROW_RETURN_NOT_OK(damage_);
    auto more = runs_.Merge(entries_max, table_.dead_rows());
    table_.ForgetDeadRows(runs_.TakeNumFolded());
    ARROW_RETURN_NOT_OK(Judge(more.status()));
    return more;
  }

  std::optional<IndexedSnapshot> snapshot() const override { return snapshot_; }
  SnapshotRelation Compare(IndexedSnapshot current) const override {
    if (!snapshot_.has_value()) return SnapshotRelation::kDiffers;
    if (*snapshot_ == current) return SnapshotRelation::kSame;
    return snapshot_->sequence_number < current.sequence_number ? SnapshotRelation::kBehind
                                                                : SnapshotRelation::kDiffers;
  }
  FileDifference CompareFiles(std::span<const std::string> live) const override { return table_.Compare(live); }
  Status Scrub() override {
    ARROW_RETURN_NOT_OK(damage_);
    return Judge(runs_.Scrub());
  }

  KeyIndexStats stats() const override {
    KeyIndexStats stats{.num_files = static_cast<int64_t>(table_.num_files()), .dead_rows = table_.dead_rows()};
    runs_.AddStats(&stats);
    return stats;
  }
  int64_t memory_bytes() const override { return runs_.memory_bytes() + table_.memory_bytes(); }
  std::optional<RebuildReason> rebuild_reason() const override {
    return damage_.ok() ? std::nullopt : std::optional(RebuildReason::kDamaged);
  }

 private:
  bool exact() const { return options_.hash_bits == 128; }
  KeyHash Mask(const KeyHash& hash) const { return Masked(hash, options_.hash_bits); }

  // Damage is for ever: no later call may answer from what is left.
  Status Judge(const Status& status) {
    if (status.ok() || !MeansDamage(status)) return status;
    damage_ = MakeError(Fault::kConflict, "the key index must be rebuilt: " + status.message(),
                        {.state = "the table is whole; its index is a cache"});
    return damage_;
  }

  Status LoadParts(const IndexState& state) {
    std::vector<FileRecord> base;
    if (state.base != 0) {
      ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                            files_.ReadText(FilesLocation(options_.folder, state.base), kStateBytesMax));
      if (Xxh3(bytes).low != state.base_checksum) {
        return MakeError(Fault::kBadData, "the file table of the key index is not that of its state");
      }
      ARROW_ASSIGN_OR_RAISE(base, DecodeFiles(bytes));
    }
    ARROW_ASSIGN_OR_RAISE(table_, FileTable::Make(state, base));
    runs_.SetOtherBytes(table_.memory_bytes());
    ARROW_RETURN_NOT_OK(runs_.Load(state.runs));
    secret_ = state.secret;
    snapshot_ = state.snapshot;
    return Status::OK();
  }

  Status CheckRows(std::span<const KeyHash> keys, std::span<const RowAddress> rows) const {
    ARROW_RETURN_NOT_OK(damage_);
    FIRN_CHECK(keys.size() == rows.size());
    for (const RowAddress& row : rows) {
      const bool fits = row.position >= 0 && row.position <= Entry::kPositionMax;
      if (fits && table_.visible().Contains(row.file)) continue;
      return MakeError(Fault::kBug, "a row for the key index is in no file of it: file " +
                                        std::to_string(row.file.value) + ", row " + std::to_string(row.position));
    }
    return Status::OK();
  }

  Status StageRows(EntryKind kind, std::span<const KeyHash> keys, std::span<const RowAddress> rows) {
    for (size_t begin = 0; begin < rows.size();) {  // rows of one file as a rule stand together
      size_t end = begin;
      for (; end < rows.size() && rows[end].file == rows[begin].file; ++end) {
        ARROW_RETURN_NOT_OK(runs_.Stage(MakeEntry(kind, Mask(keys[end]), rows[end])));
      }
      table_.CountRows(rows[begin].file, static_cast<int64_t>(end - begin));
      begin = end;
    }
    return Status::OK();
  }

  Status StageRemovals(std::span<const KeyHash> keys, const std::vector<KeyMatch>& matches) {
    const EntryKind kind = exact() ? EntryKind::kRemoveKey : EntryKind::kRemoveRow;
    for (const KeyMatch& match : matches) {
      const RowAddress row = exact() ? RowAddress{} : match.row;
      ARROW_RETURN_NOT_OK(Judge(runs_.Stage(MakeEntry(kind, Mask(keys[match.key]), row))));
    }
    return Status::OK();
  }

  // The batch sorted by hash; `tagged_position` is the index of the key.
  Result<std::vector<Entry>> SortBatch(std::span<const KeyHash> keys, bool distinct) const {
    std::vector<Entry> sorted(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      const KeyHash hash = Mask(keys[i]);
      sorted[i] = {.high = hash.high, .low = hash.low, .tagged_position = i};
    }
    SortEntries(sorted);
    for (size_t i = 1; distinct && exact() && i < sorted.size(); ++i) {
      if (sorted[i].same_hash(sorted[i - 1])) {
        return MakeError(Fault::kBug, "a batch for the key index has a key twice");
      }
    }
    return sorted;
  }

  Result<std::vector<KeyMatch>> Find(std::span<const KeyHash> keys, const KeyVerifier& verify, bool distinct) {
    ARROW_ASSIGN_OR_RAISE(const std::vector<Entry> sorted, SortBatch(keys, distinct));
    std::vector<KeyMatch> matches;
    for (size_t begin = 0; begin < sorted.size();) {  // pieces of the range of hashes, so no block is read twice
      size_t end = std::min(begin + runs_.batch_max(), sorted.size());
      while (end < sorted.size() && sorted[end].same_hash(sorted[end - 1])) ++end;
      ARROW_RETURN_NOT_OK(FindPiece(std::span(sorted).subspan(begin, end - begin), verify, &matches));
      begin = end;
    }
    std::ranges::sort(matches, {}, [](const KeyMatch& match) { return std::pair(match.row, match.key); });
    return matches;
  }

  Status FindPiece(std::span<const Entry> sorted, const KeyVerifier& verify, std::vector<KeyMatch>* matches) {
    std::vector<KeyHash> hashes;
    std::vector<size_t> begins;  // of each hash in `sorted`
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (i > 0 && sorted[i].same_hash(sorted[i - 1])) continue;
      hashes.push_back(sorted[i].hash());
      begins.push_back(i);
    }
    begins.push_back(sorted.size());
    auto hits = runs_.Look(hashes);
    ARROW_RETURN_NOT_OK(Judge(hits.status()));
    std::vector<KeyMatch> found;
    for (const BatchProbe::Hit& hit : *hits) {
      if (!table_.visible().Contains(hit.row.file)) continue;
      for (size_t i = begins[hit.slot]; i < begins[hit.slot + 1]; ++i) {
        found.push_back({.key = static_cast<size_t>(sorted[i].tagged_position), .row = hit.row});
      }
    }
    if (!exact()) ARROW_RETURN_NOT_OK(Verify(verify, &found));
    matches->insert(matches->end(), found.begin(), found.end());
    return Status::OK();
  }

  static Status Verify(const KeyVerifier& verify, std::vector<KeyMatch>* found) {
    FIRN_CHECK(verify != nullptr);
    std::ranges::sort(*found, {}, [](const KeyMatch& match) { return std::pair(match.row, match.key); });
    size_t kept = 0;
    std::vector<uint8_t> equal;
    for (size_t begin = 0; begin < found->size(); begin += kCandidatesMax) {
      const size_t count = std::min(kCandidatesMax, found->size() - begin);
      equal.assign(count, 0);
      ARROW_RETURN_NOT_OK(verify(std::span(*found).subspan(begin, count), equal));
      for (size_t i = 0; i < count; ++i) {
        if (equal[i] != 0) (*found)[kept++] = (*found)[begin + i];
      }
    }
    found->resize(kept);
    return Status::OK();
  }

  Status WriteState() {
    IndexState state{.table_uuid = options_.table_uuid,
                     .snapshot = *snapshot_,
                     .secret = secret_,
                     .hash_bits = static_cast<uint32_t>(options_.hash_bits),
                     .runs = runs_.Records()};
    const bool new_base = table_.Describe(&state);
    const uint64_t old_base = state.base;
    if (new_base) ARROW_RETURN_NOT_OK(WriteBase(&state));
    FIRN_FAILPOINT("key_index.before_folder_sync");
    ARROW_RETURN_NOT_OK(files_.SyncFolder(options_.folder));
    FIRN_FAILPOINT("key_index.before_state");
    ARROW_RETURN_NOT_OK(files_.WriteAtomic(StateLocation(options_.folder), EncodeState(state)));
    FIRN_FAILPOINT("key_index.after_state");
    table_.Published(state);
    ARROW_RETURN_NOT_OK(runs_.RemoveObsolete());
    if (new_base && old_base != 0) ARROW_RETURN_NOT_OK(files_.Remove(FilesLocation(options_.folder, old_base)));
    if (sweep_after_publish_) ARROW_RETURN_NOT_OK(Sweep(state));
    sweep_after_publish_ = false;
    FIRN_FAILPOINT("key_index.after_removal");
    return Status::OK();
  }

  Status WriteBase(IndexState* state) {
    const std::string bytes = EncodeFiles(table_.AcceptedFiles());
    do {
      FillRandom({reinterpret_cast<uint8_t*>(&state->base), sizeof state->base});
    } while (state->base == 0);
    state->base_checksum = Xxh3(bytes).low;
    return files_.WriteAtomic(FilesLocation(options_.folder, state->base), bytes);
  }

  // Removes what the state does not refer to: left by a crash, or by the index that was here before. Only files with
  // names of ours: a wrong folder must not be emptied.
  Status Sweep(const IndexState& state) {
    std::vector<std::string> kept;
    if (state.base != 0) kept.push_back(FilesLocation(options_.folder, state.base));
    for (const RunRecord& run : state.runs) kept.push_back(RunLocation(options_.folder, run.run));
    if (const auto run = runs_.merging()) kept.push_back(RunLocation(options_.folder, *run));
    std::ranges::sort(kept);
    ARROW_ASSIGN_OR_RAISE(const auto found, files_.List(options_.folder));
    for (const io::FileInfo& file : found) {
      const std::string_view name = std::string_view(file.location).substr(options_.folder.size() + 1);
      const bool ours = name.starts_with("run-") || name.starts_with("files-") || name.starts_with(".files-") ||
                        name.starts_with(".index.state.");  // the last two: temporary names of atomic writes
      if (!ours || name.find('/') != std::string_view::npos) continue;
      if (!std::ranges::binary_search(kept, file.location)) ARROW_RETURN_NOT_OK(files_.Remove(file.location));
    }
    return Status::OK();
  }

  io::FileStore& files_;
  const KeyIndexOptions options_;
  const io::ProcessLock lock_;
  FileTable table_;
  RunStore runs_;
  HashSecret secret_{};
  std::optional<IndexedSnapshot> snapshot_;
  Status damage_;
  bool sweep_after_publish_ = false;
};

}  // namespace

std::string_view RebuildReasonName(RebuildReason reason) {
  switch (reason) {
    case RebuildReason::kMissing:
      return "missing";
    case RebuildReason::kOtherTable:
      return "other table";
    case RebuildReason::kOtherHash:
      return "other hash";
    case RebuildReason::kDamaged:
      return "damaged";
  }
  return "unknown";
}

Result<OpenedKeyIndex> KeyIndex::Open(io::FileStore& files, KeyIndexOptions options) {
  while (options.folder.ends_with('/')) options.folder.pop_back();  // locations are compared as text
  ARROW_RETURN_NOT_OK(CheckOptions(options));
  ARROW_ASSIGN_OR_RAISE(auto lock, LockFolder(files, options.folder));
  auto index = std::make_unique<KeyIndexImpl>(files, std::move(options), std::move(lock));
  ARROW_ASSIGN_OR_RAISE(auto rebuild, index->Load());
  if (rebuild.has_value()) return std::move(*rebuild);
  OpenedKeyIndex opened;
  opened.index = std::move(index);
  return opened;
}

Result<std::unique_ptr<KeyIndex>> KeyIndex::Create(io::FileStore& files, KeyIndexOptions options) {
  while (options.folder.ends_with('/')) options.folder.pop_back();  // locations are compared as text
  ARROW_RETURN_NOT_OK(CheckOptions(options));
  ARROW_ASSIGN_OR_RAISE(auto lock, LockFolder(files, options.folder));
  auto index = std::make_unique<KeyIndexImpl>(files, std::move(options), std::move(lock));
  index->MakeNew();
  return index;
}

}  // namespace firn::table::index
