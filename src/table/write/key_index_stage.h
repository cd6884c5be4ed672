#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "io/file_store.h"
#include "table/index/key_index.h"
#include "table/write/key_log.h"
#include "table/write/key_scan.h"
#include "table/write/new_row_places.h"
#include "table/write/row_delta.h"
#include "table/write/row_id_carry.h"

namespace firn::table {

/// Puts one load into a key index that is at the target's snapshot, and finds the rows the load replaces. Staged only:
/// the owner publishes or discards. Used by one thread. All arguments are borrowed.
class KeyIndexStage {
 public:
  struct Options {
    const MergeTarget* target = nullptr;
    const std::vector<WrittenFile>* new_files = nullptr;  // of the load
    const NewRowPlaces* places = nullptr;                 // of its rows, in new_files
    KeyScanOptions keys;                                  // to verify hits of short hashes
    RowIdCarry* row_ids = nullptr;                        // is told which row replaces which; null: nobody asks
    arrow::MemoryPool* pool = nullptr;
  };
  KeyIndexStage(io::FileStore& files, index::KeyIndex& index, const Options& options)
      : files_(files), index_(index), options_(options) {}

  /// Stages the last row or delete of each key of `load`. Returns the rows of live files that had the keys, and counts
  /// keys in `result`. Errors: of the index; kBug if the index is not at the target.
  Result<RowsByFile> Run(const KeyLog& load, MergeResult* result);

 private:
  /// Some keys of one kind, distinct.
  struct Batch {
    std::vector<Hash128> keys;
    std::vector<index::RowAddress> rows;  // empty for deletes
  };
  Status MapFiles();
  Status Upsert(Batch* batch, MergeResult* result);
  Status Delete(Batch* batch, MergeResult* result);
  Result<int64_t> Mark(const std::vector<index::KeyMatch>& matches, const Batch& batch);
  Status NoteMove(const Batch& batch, const index::KeyMatch& match, size_t live);
  Status Verify(const std::vector<Hash128>& keys, std::span<const index::KeyMatch> candidates,
                std::span<uint8_t> equal);
  Status VerifyFile(const DataFile& file, const std::vector<Hash128>& keys, std::span<const index::KeyMatch> candidates,
                    std::span<uint8_t> equal);
  index::KeyVerifier VerifierOf(const Batch& batch);

  io::FileStore& files_;
  index::KeyIndex& index_;
  const Options options_;
  std::unordered_map<uint32_t, size_t> live_files_;  // by ordinal: index into the target's plan
  std::vector<index::FileOrdinal> new_ordinals_;     // of new_files
  std::unordered_map<uint32_t, size_t> new_files_;   // by ordinal: index into new_files
  RowsByFile dead_;
};

}  // namespace firn::table
