#include "table/write/key_index_stage.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"

namespace firn::table {

namespace {

using index::KeyMatch;
using index::RowAddress;

/// Keys looked for at once; a look-up needs about 120 bytes for each besides the index's budget.
constexpr size_t kBatchKeys = 65536;

}  // namespace

Result<RowsByFile> KeyIndexStage::Run(const KeyLog& load, MergeResult* result) {
  FIRN_FAILPOINT("merge.index_stage");
  ARROW_RETURN_NOT_OK(MapFiles());
  Batch upserts, deletes;
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto records, load.Shard(shard, options_.pool));
    for (size_t i = 0; i < records.size(); ++i) {
      if (i + 1 < records.size() && records[i + 1].hash == records[i].hash) continue;  // the last one of a key decides
      if (records[i].row == KeyRecord::kDelete) {
        deletes.keys.push_back(records[i].hash);
        if (deletes.keys.size() == kBatchKeys) ARROW_RETURN_NOT_OK(Delete(&deletes, result));
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(const auto place,
                            options_.places->Of({.partition = records[i].source, .ordinal = records[i].row}));
      upserts.keys.push_back(records[i].hash);
      upserts.rows.push_back({.file = new_ordinals_[place.file], .position = place.row});
      if (upserts.keys.size() == kBatchKeys) ARROW_RETURN_NOT_OK(Upsert(&upserts, result));
    }
  }
  ARROW_RETURN_NOT_OK(Upsert(&upserts, result));
  ARROW_RETURN_NOT_OK(Delete(&deletes, result));
  return std::move(dead_);
}

/// Stages the new files and learns the numbers of all.
Status KeyIndexStage::MapFiles() {
  const ScanPlan* live = options_.target->live;
  for (size_t i = 0; live != nullptr && i < live->files.size(); ++i) {
    const auto ordinal = index_.OrdinalOf(live->files[i].file.file_path);
    if (!ordinal) return MakeError(Fault::kBug, "the key index lacks a live file");
    live_files_[ordinal->value] = i;
  }
  for (const WrittenFile& file : *options_.new_files) {
    ARROW_ASSIGN_OR_RAISE(const index::FileOrdinal ordinal, index_.AddFile(file.file.file_path));
    new_files_[ordinal.value] = new_ordinals_.size();
    new_ordinals_.push_back(ordinal);
  }
  return Status::OK();
}

Status KeyIndexStage::Upsert(Batch* batch, MergeResult* result) {
  if (batch->keys.empty()) return Status::OK();
  const auto num_keys = static_cast<int64_t>(batch->keys.size());
  int64_t num_updated = 0;
  if (live_files_.empty()) {  // no row can have a key: no need to look
    ARROW_RETURN_NOT_OK(index_.Add(batch->keys, batch->rows));
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto matches, index_.Upsert(batch->keys, batch->rows, VerifierOf(*batch)));
    ARROW_ASSIGN_OR_RAISE(num_updated, Mark(matches, *batch));
  }
  result->rows_updated += num_updated;
  result->rows_inserted += num_keys - num_updated;
  batch->keys.clear();
  batch->rows.clear();
  return Status::OK();
}

Status KeyIndexStage::Delete(Batch* batch, MergeResult* result) {
  if (batch->keys.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto matches, index_.Delete(batch->keys, VerifierOf(*batch)));
  ARROW_ASSIGN_OR_RAISE(const int64_t num_deleted, Mark(matches, *batch));
  result->rows_deleted += num_deleted;
  batch->keys.clear();
  return Status::OK();
}

/// Takes the rows of `matches`, sorted by row, as dead. Returns how many keys had any.
Result<int64_t> KeyIndexStage::Mark(const std::vector<KeyMatch>& matches, const Batch& batch) {
  std::vector<bool> had(batch.keys.size(), false);
  std::vector<int64_t> positions;
  for (size_t begin = 0; begin < matches.size();) {
    const auto file = live_files_.find(matches[begin].row.file.value);
    if (file == live_files_.end()) return MakeError(Fault::kBug, "the key index names a file that is not live");
    positions.clear();
    size_t end = begin;
    for (; end < matches.size() && matches[end].row.file == matches[begin].row.file; ++end) {
      positions.push_back(matches[end].row.position);
      had[matches[end].key] = true;
      ARROW_RETURN_NOT_OK(NoteMove(batch, matches[end], file->second));
    }
    const int64_t num_rows = options_.target->live->files[file->second].file.record_count;
    if (positions.back() >= num_rows) return MakeError(Fault::kBug, "the key index names a row beyond its file");
    dead_[file->second].AddMany(positions);
    begin = end;
  }
  return std::count(had.begin(), had.end(), true);
}

/// A row of an upsert takes over the id of the row it replaces.
Status KeyIndexStage::NoteMove(const Batch& batch, const KeyMatch& match, size_t live) {
  if (options_.row_ids == nullptr || batch.rows.empty()) return Status::OK();
  const RowAddress& fresh = batch.rows[match.key];
  return options_.row_ids->Note({.file = new_files_.at(fresh.file.value), .row = fresh.position}, live,
                                match.row.position);
}

index::KeyVerifier KeyIndexStage::VerifierOf(const Batch& batch) {
  return [this, &batch](std::span<const KeyMatch> candidates, std::span<uint8_t> equal) {
    return Verify(batch.keys, candidates, equal);
  };
}

/// Compares hits of a short hash with the stored keys, by their whole hash: rows of the table and of the load.
Status KeyIndexStage::Verify(const std::vector<Hash128>& keys, std::span<const KeyMatch> candidates,
                             std::span<uint8_t> equal) {
  for (size_t begin = 0; begin < candidates.size();) {
    const index::FileOrdinal ordinal = candidates[begin].row.file;
    size_t end = begin;
    while (end < candidates.size() && candidates[end].row.file == ordinal) ++end;
    const auto live = live_files_.find(ordinal.value);
    const auto fresh = std::ranges::find(new_ordinals_, ordinal);
    if (live == live_files_.end() && fresh == new_ordinals_.end()) {
      return MakeError(Fault::kBug, "the key index names a file that is not live");
    }
    const DataFile& file = live != live_files_.end()
                               ? options_.target->live->files[live->second].file
                               : (*options_.new_files)[static_cast<size_t>(fresh - new_ordinals_.begin())].file;
    ARROW_RETURN_NOT_OK(
        VerifyFile(file, keys, candidates.subspan(begin, end - begin), equal.subspan(begin, end - begin)));
    begin = end;
  }
  return Status::OK();
}

Status KeyIndexStage::VerifyFile(const DataFile& file, const std::vector<Hash128>& keys,
                                 std::span<const KeyMatch> candidates, std::span<uint8_t> equal) {
  const auto position_of = [](const KeyMatch& match) { return match.row.position; };
  const auto wanted = [&](int64_t begin, int64_t end) {
    const auto first = std::ranges::lower_bound(candidates, begin, {}, position_of);
    return first != candidates.end() && first->row.position < end;
  };
  size_t next = 0;
  const auto compare = [&](std::span<const Hash128> stored, std::span<const int64_t> positions) {
    for (size_t row = 0; row < positions.size(); ++row) {
      while (next < candidates.size() && candidates[next].row.position < positions[row]) ++next;
      for (; next < candidates.size() && candidates[next].row.position == positions[row]; ++next) {
        equal[next] = keys[candidates[next].key] == stored[row] ? 1 : 0;
      }
    }
    return Status::OK();
  };
  return ScanKeys(files_, file, nullptr, options_.keys, compare, wanted);
}

}  // namespace firn::table
