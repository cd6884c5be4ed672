#include "table/write/live_key_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "table/manifest/row_ids.h"
#include "table/scan/live_rows.h"
#include "table/scan/row_lineage.h"
#include "table/write/key_index_sync.h"

namespace firn::table {

namespace {

/// Keys looked for at once.
constexpr size_t kBatchKeys = 65536;

/// All rows of a file but those at `positions`.
std::shared_ptr<const PositionSet> Others(const PositionSet& positions, int64_t num_rows) {
  constexpr int64_t kStep = 1 << 20;
  auto others = std::make_shared<PositionSet>();
  int64_t next = 0;
  std::vector<int64_t> some;
  for (int64_t begin = 0; begin < num_rows; begin += kStep) {
    some.clear();
    positions.PositionsIn(begin, std::min(begin + kStep, num_rows), &some);
    for (const int64_t position : some) {
      if (position > next) others->AddRange(next, position);
      next = position + 1;
    }
  }
  if (next < num_rows) others->AddRange(next, num_rows);
  return others;
}

/// The positions of a set, ascending, a piece at a time.
class PositionCursor {
 public:
  PositionCursor(const PositionSet& positions, int64_t num_rows) : positions_(positions), num_rows_(num_rows) {}
  /// The next one; -1 at the end.
  int64_t Next() {
    constexpr int64_t kStep = 1 << 16;
    while (at_ == some_.size()) {
      if (begin_ >= num_rows_) return -1;
      some_.clear();
      at_ = 0;
      positions_.PositionsIn(begin_, std::min(begin_ + kStep, num_rows_), &some_);
      begin_ += kStep;
    }
    return some_[at_++];
  }

 private:
  const PositionSet& positions_;
  const int64_t num_rows_;
  int64_t begin_ = 0;
  std::vector<int64_t> some_;
  size_t at_ = 0;
};

}  // namespace

Result<std::unique_ptr<arrow::RecordBatchReader>> OpenRowsAt(io::FileStore& files, const ManifestEntry& entry,
                                                             const PositionSet& positions, const schema::Schema& target,
                                                             const FileReadOptions& options) {
  auto others = Others(positions, entry.file.record_count);
  const bool lineage = !target.fields.empty() && target.fields.back().id == kLastUpdatedFieldId;
  return lineage ? OpenRowsWithLineage(files, entry, std::move(others), target, options)
                 : OpenLiveRows(files, entry.file, std::move(others), target, options);
}

Result<RowsByFile> LiveKeySearch::Scan(const std::function<bool(const Hash128&)>& may_have, MergeResult* result) const {
  RowsByFile rows;
  const auto note = [&](size_t file, std::span<const Hash128> found, std::span<const int64_t> positions) -> Status {
    std::vector<int64_t> some;
    for (size_t i = 0; i < found.size(); ++i) {
      if (may_have(found[i])) some.push_back(positions[i]);
    }
    if (!some.empty()) rows[file].AddMany(some);
    return Status::OK();
  };
  ARROW_ASSIGN_OR_RAISE(const int64_t num_files, ScanLiveKeys(files, target.live, keys, wanted, reader, note));
  result->files_scanned += num_files;
  return rows;
}

Result<RowsByFile> LiveKeySearch::All(MergeResult* result) const {
  RowsByFile rows;
  for (size_t i = 0; target.live != nullptr && i < target.live->files.size(); ++i) {
    const ManifestEntry& entry = target.live->files[i];
    if (!wanted(entry.file)) continue;
    ++result->files_scanned;
    ARROW_ASSIGN_OR_RAISE(const auto deleted, reader->DeletedRows(entry, target.live->DeletesOf(i)));
    rows[i] = deleted == nullptr ? PositionSet() : *Others(*deleted, entry.file.record_count);
    if (deleted == nullptr) rows[i].AddRange(0, entry.file.record_count);
  }
  return rows;
}

Result<RowsByFile> LiveKeySearch::LookUp(const KeyedLog& load, index::KeyIndex& index, MergeResult* result) const {
  ARROW_ASSIGN_OR_RAISE(const KeyIndexCatchUp caught_up, CatchUp(files, target, keys, *reader, index));
  result->files_scanned += caught_up.files_read;
  result->by_index = true;
  std::map<uint32_t, size_t> live_files;
  for (size_t i = 0; target.live != nullptr && i < target.live->files.size(); ++i) {
    const auto ordinal = index.OrdinalOf(target.live->files[i].file.file_path);
    if (!ordinal) return MakeError(Fault::kBug, "the key index lacks a live file");
    live_files[ordinal->value] = i;
  }
  RowsByFile rows;
  std::vector<Hash128> batch;
  // Rows are compared by their whole hash when they are read, so a short hash needs no proof here.
  const index::KeyVerifier take_all = [](std::span<const index::KeyMatch>, std::span<uint8_t> equal) {
    std::ranges::fill(equal, uint8_t{1});
    return Status::OK();
  };
  const auto look_up = [&]() -> Status {
    if (batch.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto matches, index.Lookup(batch, take_all));
    for (const index::KeyMatch& match : matches) {
      const auto file = live_files.find(match.row.file.value);
      if (file == live_files.end()) return MakeError(Fault::kBug, "the key index names a file that is not live");
      if (wanted(target.live->files[file->second].file)) rows[file->second].Add(match.row.position);
    }
    batch.clear();
    return Status::OK();
  };
  for (size_t shard = 0; shard < KeyedLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto records, load.Shard(shard, keys.pool));
    for (size_t i = 0; i < records.size(); ++i) {
      if (i > 0 && records[i - 1].hash == records[i].hash) continue;
      batch.push_back(records[i].hash);
      if (batch.size() == kBatchKeys) ARROW_RETURN_NOT_OK(look_up());
    }
  }
  ARROW_RETURN_NOT_OK(look_up());
  return rows;
}

Status ReadKeyedRows(io::FileStore& files, const MergeTarget& target, const RowsByFile& rows,
                     const KeyedRowReader& reader, const KeyScanOptions& keys,
                     const std::function<bool(KeyedRow&)>& keep, KeyedLog* out) {
  FIRN_FAILPOINT("merge.read_live");
  const bool lineage = target.metadata != nullptr && target.metadata->format_version >= kRowLineageFromVersion;
  schema::Schema wanted = reader.schema();
  if (lineage) {
    ARROW_ASSIGN_OR_RAISE(wanted, WithRowLineage(wanted));
  }
  for (const auto& [index, positions] : rows) {
    const ManifestEntry& entry = target.live->files[index];
    ARROW_ASSIGN_OR_RAISE(const auto opened, OpenRowsAt(files, entry, positions, wanted,
                                                        {.name_mapping = keys.name_mapping, .pool = keys.pool}));
    PositionCursor places(positions, entry.file.record_count);
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      ARROW_RETURN_NOT_OK(opened->ReadNext(&batch));
      if (batch == nullptr) break;
      auto found = reader.Read(*batch, keys.secret);
      const arrow::Int64Array* ids =
          lineage ? static_cast<const arrow::Int64Array*>(batch->column(batch->num_columns() - 2).get()) : nullptr;
      for (size_t i = 0; i < found.rows.size(); ++i) {
        KeyedRow& row = found.rows[i];
        row.row = places.Next();
        row.source = static_cast<uint32_t>(index);
        const bool has_key = found.null_key.empty() || !found.null_key[i];
        if (!has_key || !keep(row)) continue;
        const auto in_batch = static_cast<int64_t>(i);
        if (ids != nullptr && ids->IsValid(in_batch)) row.row_id = ids->Value(in_batch);
        ARROW_RETURN_NOT_OK(out->Append(row));
      }
    }
    if (places.Next() >= 0) {
      return MakeError(Fault::kBadData, "data file has fewer rows than said: " + entry.file.file_path);
    }
  }
  return Status::OK();
}

}  // namespace firn::table
