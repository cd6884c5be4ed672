#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/uuid.h"
#include "io/file_store.h"
#include "table/index/key_hash.h"
#include "table/index/row_address.h"
#include "table/metadata/ids.h"

/// The key index of a table (docs/decisions/0005-key-index.md). It is a cache of the table: whatever is wrong with it,
/// the answer is "rebuild needed", never a wrong row.
namespace firn::table::index {

struct KeyIndexOptions {
  std::string folder;  // a local location that belongs to this index alone; made if missing
  Uuid table_uuid;
  int64_t memory_bytes = int64_t{64} << 20;  // of everything the index holds; at least kMemoryBytesMin
  /// Bits of the hash that are used, 8 … 128. Below 128 different keys share a hash and every hit is verified.
  int hash_bits = 128;
  /// For tests: a run is written to disk when so many entries are staged. 0: by memory alone.
  int64_t staged_entries_max = 0;
  /// For tests: entries that a publish merges at most. 0: four million.
  int64_t publish_merge_max = 0;
};

inline constexpr int64_t kMemoryBytesMin = int64_t{1} << 20;

/// The snapshot whose rows are in the index.
struct IndexedSnapshot {
  SnapshotId snapshot_id;
  int64_t sequence_number = 0;  // of the snapshot
  friend bool operator==(const IndexedSnapshot&, const IndexedSnapshot&) = default;
};

enum class RebuildReason {
  kMissing,     // there is none yet
  kOtherTable,  // it belongs to another table uuid
  kOtherHash,   // it was made with another number of hash bits
  kDamaged,     // torn, truncated, changed, or files of it are gone
};
std::string_view RebuildReasonName(RebuildReason reason);

/// How an intact index stands to the table's current snapshot.
enum class SnapshotRelation {
  kSame,     // usable as it is
  kBehind,   // the table went on: if snapshot() is an ancestor, catch up by CompareFiles and the deletes added since
  kDiffers,  // the table was rolled back or the history was replaced: catch up only if every live delete is replayed
};

/// A row that has a key of a batch.
struct KeyMatch {
  size_t key = 0;  // index into the batch
  RowAddress row;
  friend auto operator<=>(const KeyMatch&, const KeyMatch&) = default;
};

/// Decides for each candidate whether the row's stored key columns equal the key of the batch: `equal[i]` = 1 if so,
/// all 0 at first. Candidates come sorted by (file, position), so that each row group is read once, at most
/// kCandidatesMax in one call. Called only if hash_bits < 128; must be able to answer for staged rows too.
using KeyVerifier = std::function<Status(std::span<const KeyMatch> candidates, std::span<uint8_t> equal)>;
inline constexpr size_t kCandidatesMax = 65536;

/// Takes rows that newer ones of the same load replaced, in no order, at most kCandidatesMax at once.
using SupersededRows = std::function<Status(std::span<const RowAddress> rows)>;

/// Live data files of the table against those of the index.
struct FileDifference {
  std::vector<std::string> missing;      // of `live`: to be read and added
  std::vector<std::string> superfluous;  // of the index: to be removed
};

struct KeyIndexStats {
  int64_t num_files = 0;
  int64_t num_runs = 0;        // on disk
  int64_t num_entries = 0;     // in runs and in memory, superseded ones included
  int64_t num_staged = 0;      // of them not yet accepted
  int64_t disk_bytes = 0;      // of the runs
  int64_t dead_rows = 0;       // rows of removed files whose entries may still be there
  int64_t blocks_read = 0;     // by look-ups, from the file system
  int64_t blocks_cached = 0;   // by look-ups, from the cache
  int64_t entries_merged = 0;  // read by merges
  int64_t runs_written = 0;
};

struct OpenedKeyIndex;

/// Used by one thread. Errors of all methods: kTransient and kConfig of the disk; kBug for wrong use; kConflict if the
/// index turned out to be damaged: then rebuild_reason() says so, every later call fails the same way, and nothing is
/// published any more. After an error of a staging method part of the batch may be staged: Discard.
///
/// Changes are *staged*: look-ups of this object see them at once, the disk's state does not. Accept makes them part of
/// the index in memory, Publish on disk, Discard forgets them. A crash leaves the state of the last Publish.
class KeyIndex {
 public:
  /// Opens the index in the folder. `index` is null if it must be rebuilt, which is no error: Create it, add every live
  /// file and row, publish. Errors: kBusy if another process has it; kConfig if a newer firn wrote it, or if the memory
  /// is too small for it (the message says how much it needs).
  static Result<OpenedKeyIndex> Open(io::FileStore& files, KeyIndexOptions options);
  /// Starts an empty index with a new secret. What is in the folder stays valid until the first Publish replaces it.
  static Result<std::unique_ptr<KeyIndex>> Create(io::FileStore& files, KeyIndexOptions options);
  virtual ~KeyIndex() = default;

  /// The hash of all keys given to this object: SipHash128(secret(), canonical form of the key).
  virtual const HashSecret& secret() const = 0;

  /// Stages a data file. Errors: kBug if it is there already.
  virtual Result<FileOrdinal> AddFile(std::string path) = 0;
  /// Stages the removal of a file with all its rows, in constant time. Errors: kBug if it is not there.
  virtual Status RemoveFile(std::string_view path) = 0;
  /// Gives a staged file another path: it was written again, row for row. Errors: kBug if it is not staged, or the new
  /// path is there.
  virtual Status RenameStagedFile(std::string_view path, std::string new_path) = 0;
  /// The path of a live or staged file, or nullopt. Borrowed until the next call that is not const.
  virtual std::optional<std::string_view> PathOf(FileOrdinal file) const = 0;
  virtual std::optional<FileOrdinal> OrdinalOf(std::string_view path) const = 0;

  /// Stages rows without looking: first load, rebuild, catching up. Rows that have the key already stay; a key may so
  /// have several rows, and look-ups return them all. Any order, any batch size.
  virtual Status Add(std::span<const KeyHash> keys, std::span<const RowAddress> rows) = 0;
  /// For a first load that was staged by Add alone: keeps of each key only the row added last and hands out the others,
  /// to be deleted, in one sequential pass. Errors: kBug if hash_bits is not 128 or something is accepted already.
  virtual Status CollapseStaged(const SupersededRows& superseded) = 0;
  /// Stages the removal of exactly these rows (deletes that another writer made). Absent ones are ignored.
  virtual Status Remove(std::span<const KeyHash> keys, std::span<const RowAddress> rows) = 0;

  /// Returns all rows that have one of the keys, sorted by row. Costs about 60 bytes of memory per key besides the
  /// budget. `verify` may be empty if hash_bits is 128.
  virtual Result<std::vector<KeyMatch>> Lookup(std::span<const KeyHash> keys, const KeyVerifier& verify) = 0;
  /// Stages `rows` as the only rows of `keys` and returns those that had the keys before, sorted by row. Keys of a
  /// batch must differ (collapse it first): kBug if two have one 128-bit hash.
  virtual Result<std::vector<KeyMatch>> Upsert(std::span<const KeyHash> keys, std::span<const RowAddress> rows,
                                               const KeyVerifier& verify) = 0;
  /// Stages that no row has one of `keys`; returns those that had, sorted by row.
  virtual Result<std::vector<KeyMatch>> Delete(std::span<const KeyHash> keys, const KeyVerifier& verify) = 0;

  /// Makes what is staged part of the index as of `snapshot`, in memory only: for commits in quick succession.
  virtual Status Accept(IndexedSnapshot snapshot) = 0;
  /// Accept, and durably. Also does a piece of merging, about half a second at most. May be repeated after an error.
  virtual Status Publish(IndexedSnapshot snapshot) = 0;
  /// Forgets what was staged since the last Accept or Publish.
  virtual Status Discard() = 0;

  /// Merges runs, reading about `entries_max` entries. Returns true if there is more to do. Result on disk is used from
  /// the next Publish on; a crash before costs only the work.
  virtual Result<bool> Maintain(int64_t entries_max) = 0;

  /// What was accepted last; nullopt before the first time.
  virtual std::optional<IndexedSnapshot> snapshot() const = 0;
  virtual SnapshotRelation Compare(IndexedSnapshot current) const = 0;
  /// `live`: paths of all data files of the table's snapshot.
  virtual FileDifference CompareFiles(std::span<const std::string> live) const = 0;
  /// Reads every block of every run and checks sums, order and files.
  virtual Status Scrub() = 0;

  virtual KeyIndexStats stats() const = 0;
  /// Memory held now, at most the budget. File paths count too.
  virtual int64_t memory_bytes() const = 0;
  virtual std::optional<RebuildReason> rebuild_reason() const = 0;
};

struct OpenedKeyIndex {
  std::unique_ptr<KeyIndex> index;                 // null: rebuild
  RebuildReason reason = RebuildReason::kMissing;  // if null
  std::string why;                                 // if null: what was found
};

}  // namespace firn::table::index
