#include "table/write/row_delta.h"

#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "io/file_store.h"
#include "table/delete/delete_reader.h"
#include "table/delete/delete_writer.h"
#include "table/manifest/row_ids.h"
#include "table/scan/live_rows.h"
#include "table/scan/row_lineage.h"
#include "table/write/key_hasher.h"
#include "table/write/key_index_stage.h"
#include "table/write/key_index_sync.h"
#include "table/write/key_log.h"
#include "table/write/key_range.h"
#include "table/write/key_scan.h"
#include "table/write/live_deletes.h"
#include "table/write/new_row_places.h"
#include "table/write/planned_merge.h"
#include "table/write/row_id_carry.h"

namespace firn::table {

namespace {

/// Above this share of superseded rows a new file is written again, below it gets a delete file.
constexpr double kSupersededShareMax = 0.25;

/// Keeps the rows for which `keep(row)` is true. Returns the batch itself if that is all of them.
template <typename Keep>
Result<std::shared_ptr<arrow::RecordBatch>> Kept(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                 arrow::MemoryPool* pool, Keep&& keep) {
  arrow::BooleanBuilder mask(pool);
  ARROW_RETURN_NOT_OK(mask.Reserve(batch->num_rows()));
  bool all = true;
  for (int64_t row = 0; row < batch->num_rows(); ++row) {
    const bool kept = keep(row);
    all &= kept;
    mask.UnsafeAppend(kept);
  }
  if (all) return batch;
  ARROW_ASSIGN_OR_RAISE(auto filter, mask.Finish());
  arrow::compute::ExecContext context(pool);
  ARROW_ASSIGN_OR_RAISE(auto filtered,
                        arrow::compute::Filter(batch, filter, arrow::compute::FilterOptions::Defaults(), &context));
  return filtered.record_batch();
}

class KeyedMerge final : public MergeWriter {
 public:
  KeyedMerge(io::FileStore& files, MergeOptions options, schema::Schema key_schema, std::unique_ptr<TableWriter> writer)
      : files_(files),
        options_(std::move(options)),
        pool_(options_.writer.pool != nullptr ? options_.writer.pool : arrow::default_memory_pool()),
        key_schema_(std::move(key_schema)),
        range_(key_schema_),
        writer_(std::move(writer)),
        keys_(options_.key_memory_bytes, options_.writer.temporary_folder),
        index_(options_.mode == RowLevelMode::kMergeOnRead ? options_.index : nullptr) {
    if (index_ != nullptr) secret_ = index_->secret();
  }
  ~KeyedMerge() override;

  Result<AppendResult> Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                              const arrow::BooleanArray* deletes) override;
  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override;
  Result<MergeResult> Finish(const MergeTarget& target) override;
  Status Committed(const Snapshot& snapshot) override;
  int64_t memory_bytes() const override {
    return keys_.memory_bytes() + (filter_ ? filter_->memory_bytes() : 0) + (writer_ ? writer_->memory_bytes() : 0);
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> KeysOf(const arrow::RecordBatch& batch);
  Status Seal();
  Status MarkSuperseded(const std::vector<KeyRecord>& records, RowsByFile* dead);
  Status RewriteNewFiles(RowsByFile dead);
  Result<std::optional<RowPlace>> Rewrite(const DataFile& file, std::shared_ptr<const PositionSet> dead,
                                          TableWriter* writer);
  Result<RowsByFile> FindLiveRows(const MergeTarget& target, DeleteReader* reader, MergeResult* result);
  Result<RowsByFile> FindByIndex(const MergeTarget& target, DeleteReader* reader, MergeResult* result);
  Result<RowsByFile> FindByScan(const MergeTarget& target, DeleteReader* reader, MergeResult* result);
  void LeaveIndex(const Status& reason);
  Status Discard();
  KeyScanOptions ScanOptionsOf() const {
    return {.key_schema = &key_schema_,
            .secret = secret_ ? &*secret_ : nullptr,
            .name_mapping = options_.name_mapping.get(),
            .pool = pool_};
  }
  Result<RowsByFile> Join(const KeyLog& found, MergeResult* result);
  Result<MergeResult> FinishOn(const MergeTarget& target);
  void BeginRowIds(const MergeTarget& target);
  Status CarryRowIds(const MergeTarget& target, const RowsByFile& dead);
  Status DeleteRows(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader, MergeResult* result);
  Status RewriteFiles(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader, MergeResult* result);
  Status RewriteWithLineage(const ManifestEntry& entry, std::shared_ptr<const PositionSet> dead,
                            const schema::Schema& schema, TableWriter* writer);
  FileReadOptions ReadOptionsOf() const { return {.name_mapping = options_.name_mapping.get(), .pool = pool_}; }
  Result<std::unique_ptr<DeleteWriter>> MakeDeleteWriter(const MergeTarget& target, DeleteReader& reader);
  int32_t VersionFor(const MergeTarget& target) const {
    return std::max(options_.format_version, target.metadata == nullptr ? 0 : target.metadata->format_version);
  }

  io::FileStore& files_;
  MergeOptions options_;  // its schema is the present one
  arrow::MemoryPool* pool_;
  schema::Schema key_schema_;
  KeyRange range_;
  std::unique_ptr<TableWriter> writer_;
  std::shared_ptr<arrow::Schema> source_schema_;  // of the last batch, with the projection made for it
  std::optional<Projection> key_projection_;
  KeyLog keys_;
  index::KeyIndex* index_;                   // null: live rows are found by scanning
  std::optional<index::HashSecret> secret_;  // of all hashes, even if the index turns out to be unusable
  bool sealed_ = false;
  std::vector<std::string> unsealed_files_;  // of the load, while sealing
  // After Seal:
  std::optional<KeyFilter> filter_;
  std::vector<WrittenFile> new_files_;
  NewRowPlaces places_;
  RowsByFile superseded_;  // of new_files_: rows to be deleted in the commit that adds them
  int64_t rows_superseded_ = 0;
  // Of one Finish, from format version 3 on:
  std::unique_ptr<RowIdCarry> row_ids_;      // null: no row takes over an id
  std::vector<WrittenFile> finished_files_;  // new_files_, those with updated rows written again with their ids
  std::vector<std::string> with_row_ids_;    // the files written again
  int num_finishes_ = 0;
  std::set<std::string> named_;  // files of the load that a result names: the caller's
  // After a Finish by the index:
  bool staged_ = false;
  std::optional<SnapshotId> staged_on_;  // the target's snapshot
};

KeyedMerge::~KeyedMerge() {
  // What stays staged would be taken for the next load's.
  if (const Status status = Discard(); !status.ok()) {
    log::Warn("staged changes of the key index not discarded", {{"reason", status.message()}});
  }
  if (!sealed_) {
    for (const std::string& location : unsealed_files_) static_cast<void>(files_.Remove(location));
    return;
  }
  if (num_finishes_ == 0) return;
  for (const WrittenFile& file : new_files_) {
    if (!named_.contains(file.file.file_path)) static_cast<void>(files_.Remove(file.file.file_path));
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> KeyedMerge::KeysOf(const arrow::RecordBatch& batch) {
  if (source_schema_ != batch.schema()) {
    ARROW_ASSIGN_OR_RAISE(key_projection_, Projection::Make(*batch.schema(), key_schema_, Projection::Extra::kDrop));
    source_schema_ = batch.schema();
  }
  return key_projection_->Apply(batch, pool_);
}

Result<AppendResult> KeyedMerge::Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                                        const arrow::BooleanArray* deletes) {
  FIRN_CHECK(writer_ != nullptr);
  FIRN_CHECK(deletes == nullptr || deletes->length() == batch->num_rows());
  ARROW_ASSIGN_OR_RAISE(auto keys, KeysOf(*batch));
  const KeyHashes hashed = HashKeys(*keys, secret_ ? &*secret_ : nullptr);
  const auto has_key = [&](int64_t row) {
    return hashed.has_null.empty() || !hashed.has_null[static_cast<size_t>(row)];
  };
  const auto is_delete = [&](int64_t row) {
    return deletes != nullptr && deletes->IsValid(row) && deletes->Value(row);
  };
  AppendResult result;
  if (!hashed.has_null.empty()) {
    result.num_null_keys = std::count(hashed.has_null.begin(), hashed.has_null.end(), true);
    ARROW_ASSIGN_OR_RAISE(result.null_keys, Kept(batch, pool_, [&](int64_t row) { return !has_key(row); }));
  }
  ARROW_RETURN_NOT_OK(range_.Add(*keys, pool_));
  ARROW_ASSIGN_OR_RAISE(auto rows, Kept(batch, pool_, [&](int64_t row) { return has_key(row) && !is_delete(row); }));
  std::vector<RowPlace> places;
  ARROW_RETURN_NOT_OK(writer_->Append(rows, &places));
  size_t next_place = 0;
  for (int64_t row = 0; row < batch->num_rows(); ++row) {
    if (!has_key(row)) continue;
    KeyRecord record{.hash = hashed.hashes[static_cast<size_t>(row)], .row = KeyRecord::kDelete};
    if (!is_delete(row)) {
      record.row = places[next_place].ordinal;
      record.source = places[next_place++].partition;
    }
    ARROW_RETURN_NOT_OK(keys_.Append(record));
  }
  return result;
}

Status KeyedMerge::SetSchema(std::shared_ptr<const schema::Schema> schema) {
  ARROW_ASSIGN_OR_RAISE(schema::Schema key_schema, KeySchema(*schema, options_.key_field_ids));
  ARROW_RETURN_NOT_OK(writer_->SetSchema(schema));
  ARROW_RETURN_NOT_OK(range_.SetSchema(key_schema));
  key_schema_ = std::move(key_schema);
  options_.writer.schema = std::move(schema);
  source_schema_.reset();
  return Status::OK();
}

/// Marks rows of the load that a later row or delete of the same key replaces. `records`: one shard, sorted.
Status KeyedMerge::MarkSuperseded(const std::vector<KeyRecord>& records, RowsByFile* dead) {
  for (size_t i = 0; i < records.size(); ++i) {
    const bool last_of_key = i + 1 == records.size() || records[i + 1].hash != records[i].hash;
    if (last_of_key) {
      filter_->Add(records[i].hash);
    } else if (records[i].row != KeyRecord::kDelete) {
      ARROW_ASSIGN_OR_RAISE(const auto place, places_.Of({.partition = records[i].source, .ordinal = records[i].row}));
      (*dead)[place.file].Add(place.row);
      ++rows_superseded_;
    }
  }
  return Status::OK();
}

/// Ends the new files and frees them of rows superseded within the load.
Status KeyedMerge::Seal() {
  FIRN_FAILPOINT("merge.seal");
  if (writer_ == nullptr) return MakeError(Fault::kBug, "merge: Finish was called again after it failed");
  ARROW_RETURN_NOT_OK(range_.Close());
  const auto writer = std::move(writer_);
  ARROW_ASSIGN_OR_RAISE(new_files_, writer->Finish());
  for (const WrittenFile& file : new_files_) unsealed_files_.push_back(file.file.file_path);
  std::sort(new_files_.begin(), new_files_.end(), [](const WrittenFile& a, const WrittenFile& b) {
    return std::pair(a.partition, a.first_ordinal) < std::pair(b.partition, b.first_ordinal);
  });
  places_ = NewRowPlaces(new_files_, writer->TakeRanks());
  filter_.emplace(keys_.num_records(), options_.key_memory_bytes / 4);
  RowsByFile dead;
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto records, keys_.Shard(shard, pool_));
    ARROW_RETURN_NOT_OK(MarkSuperseded(records, &dead));
  }
  ARROW_RETURN_NOT_OK(RewriteNewFiles(std::move(dead)));
  sealed_ = true;
  return Status::OK();
}

/// Files of which much is superseded are written again, under copy-on-write all; the rest is left in superseded_.
Status KeyedMerge::RewriteNewFiles(RowsByFile dead) {
  const auto rewritten_whole = [&](size_t i) {
    if (options_.mode == RowLevelMode::kCopyOnWrite) return true;
    const auto share =
        static_cast<double>(dead[i].cardinality()) / static_cast<double>(new_files_[i].file.record_count);
    return share > kSupersededShareMax;
  };
  std::unique_ptr<TableWriter> rewriter;
  std::vector<WrittenFile> kept;
  std::vector<std::string> replaced;
  for (size_t i = 0; i < new_files_.size(); ++i) {
    if (!dead.contains(i) || !rewritten_whole(i)) {
      if (dead.contains(i)) superseded_[kept.size()] = std::move(dead[i]);
      places_.Keep(i, kept.size());
      kept.push_back(std::move(new_files_[i]));
      continue;
    }
    replaced.push_back(new_files_[i].file.file_path);
    if (dead[i].cardinality() == new_files_[i].file.record_count) continue;
    if (rewriter == nullptr) {
      ARROW_ASSIGN_OR_RAISE(rewriter, TableWriter::Make(files_, options_.writer));
    }
    const auto gone = std::make_shared<const PositionSet>(std::move(dead[i]));
    ARROW_ASSIGN_OR_RAISE(const auto first, Rewrite(new_files_[i].file, gone, rewriter.get()));
    places_.Rewrite(i, gone, first);
  }
  if (rewriter != nullptr) {
    ARROW_ASSIGN_OR_RAISE(auto rewritten, rewriter->Finish());
    places_.SetRewritten(rewritten, kept.size(), rewriter->TakeRanks());
    for (WrittenFile& file : rewritten) kept.push_back(std::move(file));
  }
  new_files_ = std::move(kept);
  FIRN_FAILPOINT("merge.remove_replaced");
  // Never committed, named nowhere: a failure to remove leaves an orphan and no more.
  for (const std::string& location : replaced) static_cast<void>(files_.Remove(location));
  return Status::OK();
}

/// Writes the rows of a file that are not dead. Returns where the first one went.
Result<std::optional<RowPlace>> KeyedMerge::Rewrite(const DataFile& file, std::shared_ptr<const PositionSet> dead,
                                                    TableWriter* writer) {
  FIRN_FAILPOINT("merge.rewrite");
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenLiveRows(files_, file, std::move(dead), *options_.writer.schema,
                                                  {.name_mapping = options_.name_mapping.get(), .pool = pool_}));
  std::optional<RowPlace> first;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return first;
    std::vector<RowPlace> places;
    ARROW_RETURN_NOT_OK(writer->Append(batch, first ? nullptr : &places));
    if (!first && !places.empty()) first = places.front();
  }
}

/// Returns, by index of live file, the rows whose key the load replaces or deletes, and counts keys.
Result<RowsByFile> KeyedMerge::Join(const KeyLog& found, MergeResult* result) {
  RowsByFile dead;
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto load, keys_.Shard(shard, pool_));
    ARROW_ASSIGN_OR_RAISE(const auto table, found.Shard(shard, pool_));
    size_t at = 0;
    for (size_t i = 0; i < load.size(); ++i) {
      if (i + 1 < load.size() && load[i + 1].hash == load[i].hash) continue;  // the last one of a key decides
      while (at < table.size() && table[at].hash < load[i].hash) ++at;
      const bool in_table = at < table.size() && table[at].hash == load[i].hash;
      const bool is_delete = load[i].row == KeyRecord::kDelete;
      for (; at < table.size() && table[at].hash == load[i].hash; ++at) {
        dead[table[at].source].Add(table[at].row);
        if (row_ids_ == nullptr || is_delete) continue;
        ARROW_ASSIGN_OR_RAISE(const auto fresh, places_.Of({.partition = load[i].source, .ordinal = load[i].row}));
        ARROW_RETURN_NOT_OK(row_ids_->Note(fresh, table[at].source, table[at].row));
      }
      result->rows_inserted += !is_delete && !in_table ? 1 : 0;
      result->rows_updated += !is_delete && in_table ? 1 : 0;
      result->rows_deleted += is_delete && in_table ? 1 : 0;
    }
  }
  return dead;
}

Result<RowsByFile> KeyedMerge::FindLiveRows(const MergeTarget& target, DeleteReader* reader, MergeResult* result) {
  BeginRowIds(target);
  if (index_ == nullptr) return FindByScan(target, reader, result);
  const MergeResult before = *result;
  auto found = FindByIndex(target, reader, result);
  if (found.ok() || FaultOf(found.status()) == Fault::kCancelled) return found;
  LeaveIndex(found.status());
  *result = before;
  BeginRowIds(target);
  return FindByScan(target, reader, result);
}

/// Also stages the load in the index.
Result<RowsByFile> KeyedMerge::FindByIndex(const MergeTarget& target, DeleteReader* reader, MergeResult* result) {
  ARROW_RETURN_NOT_OK(Discard());
  staged_ = true;
  const KeyScanOptions keys = ScanOptionsOf();
  ARROW_ASSIGN_OR_RAISE(const KeyIndexCatchUp caught_up, CatchUp(files_, target, keys, *reader, *index_));
  result->files_scanned = caught_up.files_read;
  result->by_index = true;
  const Snapshot* snapshot = target.metadata == nullptr ? nullptr : target.metadata->CurrentSnapshot();
  staged_on_ = snapshot == nullptr ? std::nullopt : std::optional(snapshot->snapshot_id);
  KeyIndexStage stage(files_, *index_,
                      {.target = &target,
                       .new_files = &new_files_,
                       .places = &places_,
                       .keys = keys,
                       .row_ids = row_ids_.get(),
                       .pool = pool_});
  return stage.Run(keys_, result);
}

/// Compares with the key columns of all live files whose bounds allow for a key of the load.
Result<RowsByFile> KeyedMerge::FindByScan(const MergeTarget& target, DeleteReader* reader, MergeResult* result) {
  KeyLog found(options_.key_memory_bytes, options_.writer.temporary_folder);
  const auto wanted = [&](const DataFile& file) { return keys_.num_records() > 0 && range_.MayOverlap(file); };
  const auto note = [&](size_t file, std::span<const Hash128> keys, std::span<const int64_t> positions) -> Status {
    for (size_t row = 0; row < keys.size(); ++row) {
      if (!filter_->MayContain(keys[row])) continue;
      ARROW_RETURN_NOT_OK(
          found.Append({.hash = keys[row], .row = positions[row], .source = static_cast<uint32_t>(file)}));
    }
    return Status::OK();
  };
  ARROW_ASSIGN_OR_RAISE(const int64_t num_files,
                        ScanLiveKeys(files_, target.live, ScanOptionsOf(), wanted, reader, note));
  result->files_scanned += num_files;
  return Join(found, result);
}

/// A cache that fails must not fail the load: from here on the table is asked. The index stays as it was published.
void KeyedMerge::LeaveIndex(const Status& reason) {
  log::Warn("key index not used for this load", {{"reason", reason.message()}});
  if (const Status status = Discard(); !status.ok()) {
    log::Warn("staged changes of the key index not discarded", {{"reason", status.message()}});
  }
  index_ = nullptr;
}

/// Forgets what the last Finish staged in the index.
Status KeyedMerge::Discard() {
  if (!std::exchange(staged_, false)) return Status::OK();
  return index_->Discard();
}

Status KeyedMerge::Committed(const Snapshot& snapshot) {
  if (!staged_) return Status::OK();
  if (snapshot.parent_snapshot_id != staged_on_) return Discard();
  FIRN_FAILPOINT("merge.index_publish");
  staged_ = false;
  return index_->Publish({.snapshot_id = snapshot.snapshot_id, .sequence_number = snapshot.sequence_number});
}

Result<std::unique_ptr<DeleteWriter>> KeyedMerge::MakeDeleteWriter(const MergeTarget& target, DeleteReader& reader) {
  return DeleteWriter::Make(files_, reader,
                            {.format_version = VersionFor(target),
                             .location = options_.writer.location,
                             .stream = options_.writer.stream,
                             .epoch = options_.writer.epoch,
                             .pool = pool_,
                             .clock = options_.writer.clock});
}

/// Merge-on-read: lists the dead rows in delete files. A file of which nothing is left is removed instead.
Status KeyedMerge::DeleteRows(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader,
                              MergeResult* result) {
  if (dead.empty() && superseded_.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto writer, MakeDeleteWriter(target, *reader));
  ARROW_RETURN_NOT_OK(DeleteLiveRows(target, dead, reader, writer.get(), result));
  for (const auto& [index, rows] : superseded_) {
    ARROW_RETURN_NOT_OK(writer->Delete({.file = finished_files_[index].file}, {}, rows));
  }
  ARROW_ASSIGN_OR_RAISE(DeleteChanges changes, writer->Finish());
  result->added_deletes = std::move(changes.added);
  result->removed_deletes = std::move(changes.removed);
  return Status::OK();
}

/// Copy-on-write: writes the files of dead rows again without them.
Status KeyedMerge::RewriteFiles(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader,
                                MergeResult* result) {
  if (dead.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto dropper, MakeDeleteWriter(target, *reader));
  TableWriterOptions writer = options_.writer;
  const bool has_lineage = target.metadata != nullptr && target.metadata->format_version >= kRowLineageFromVersion;
  if (has_lineage) {
    ARROW_ASSIGN_OR_RAISE(auto schema, WithRowLineage(*writer.schema));
    writer.schema = std::make_shared<const schema::Schema>(std::move(schema));
  }
  ARROW_ASSIGN_OR_RAISE(auto rewriter, TableWriter::Make(files_, writer));
  for (const auto& [index, rows] : dead) {
    const ManifestEntry& entry = target.live->files[index];
    const FileDeletes& previous = target.live->DeletesOf(index);
    ARROW_ASSIGN_OR_RAISE(const auto deleted, reader->DeletedRows(entry, previous));
    auto gone = std::make_shared<PositionSet>(rows);
    if (deleted != nullptr) gone->Union(*deleted);
    result->removed.push_back(entry);
    ARROW_RETURN_NOT_OK(dropper->Drop(entry, previous));
    if (gone->cardinality() < entry.file.record_count) {
      ARROW_RETURN_NOT_OK(has_lineage ? RewriteWithLineage(entry, std::move(gone), *writer.schema, rewriter.get())
                                      : Rewrite(entry.file, std::move(gone), rewriter.get()).status());
    }
  }
  ARROW_ASSIGN_OR_RAISE(DeleteChanges changes, dropper->Finish());
  result->removed_deletes = std::move(changes.removed);
  ARROW_ASSIGN_OR_RAISE(auto rewritten, rewriter->Finish());
  for (WrittenFile& file : rewritten) {
    DropLineageMetrics(file.file);
    result->added.push_back(std::move(file.file));
  }
  return Status::OK();
}

/// Rows that only move keep their id and the number of the commit that last changed them.
Status KeyedMerge::RewriteWithLineage(const ManifestEntry& entry, std::shared_ptr<const PositionSet> dead,
                                      const schema::Schema& schema, TableWriter* writer) {
  FIRN_FAILPOINT("merge.rewrite");
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenRowsWithLineage(files_, entry, std::move(dead), schema, ReadOptionsOf()));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(writer->Append(batch));
  }
}

/// An updated row is the row it replaces, changed: it takes over its id. Rows that had none, those of a table that this
/// commit upgrades, are given new ones.
void KeyedMerge::BeginRowIds(const MergeTarget& target) {
  row_ids_.reset();
  if (target.live == nullptr || target.metadata == nullptr) return;
  if (target.metadata->format_version < kRowLineageFromVersion || target.live->files.empty()) return;
  row_ids_ =
      std::make_unique<RowIdCarry>(new_files_, RowIdCarry::Options{.memory_bytes = options_.key_memory_bytes / 4,
                                                                   .temporary_folder = options_.writer.temporary_folder,
                                                                   .name_mapping = options_.name_mapping,
                                                                   .pool = pool_});
}

/// New rows are written before it is known which of them replace others. Files that have such rows are written again,
/// row for row, with the ids.
Status KeyedMerge::CarryRowIds(const MergeTarget& target, const RowsByFile& dead) {
  finished_files_ = new_files_;
  if (row_ids_ == nullptr) return Status::OK();
  ARROW_RETURN_NOT_OK(row_ids_->Resolve(files_, *target.live, dead));
  for (size_t i = 0; i < new_files_.size(); ++i) {
    if (!row_ids_->touches(i)) continue;
    const std::string& path = new_files_[i].file.file_path;
    with_row_ids_.push_back(path.substr(0, path.rfind(".parquet")) + "-ids" + std::to_string(num_finishes_) +
                            ".parquet");
    ARROW_ASSIGN_OR_RAISE(finished_files_[i].file, WriteWithRowIds(files_, new_files_[i].file, i, with_row_ids_.back(),
                                                                   options_.writer, *row_ids_));
    if (!staged_) continue;
    const Status renamed = index_->RenameStagedFile(path, finished_files_[i].file.file_path);
    if (!renamed.ok()) LeaveIndex(renamed);
  }
  row_ids_.reset();
  return Status::OK();
}

Result<MergeResult> KeyedMerge::Finish(const MergeTarget& target) {
  with_row_ids_.clear();
  auto result = FinishOn(target);
  if (result.ok()) {
    for (const WrittenFile& file : finished_files_) named_.insert(file.file.file_path);
  } else {
    for (const std::string& location : with_row_ids_) static_cast<void>(files_.Remove(location));
  }
  return result;
}

Result<MergeResult> KeyedMerge::FinishOn(const MergeTarget& target) {
  FIRN_FAILPOINT("merge.finish");
  if (!sealed_) ARROW_RETURN_NOT_OK(Seal());
  ++num_finishes_;
  MergeResult result{.rows_superseded = rows_superseded_};
  const auto reader =
      DeleteReader::Make(files_, target.metadata, {.name_mapping = options_.name_mapping, .pool = pool_});
  ARROW_ASSIGN_OR_RAISE(const RowsByFile dead, FindLiveRows(target, reader.get(), &result));
  ARROW_RETURN_NOT_OK(CarryRowIds(target, dead));
  result.added = DataFilesOf(finished_files_);
  ARROW_RETURN_NOT_OK(options_.mode == RowLevelMode::kMergeOnRead ? DeleteRows(target, dead, reader.get(), &result)
                                                                  : RewriteFiles(target, dead, reader.get(), &result));
  for (size_t i = 0; staged_ && i < result.removed.size(); ++i) {
    const Status removed = index_->RemoveFile(result.removed[i].file.file_path);
    if (!removed.ok()) LeaveIndex(removed);
  }
  return result;
}

}  // namespace

Result<std::unique_ptr<MergeWriter>> MergeWriter::Make(io::FileStore& files, MergeOptions options) {
  if (options.strategy != nullptr) return MakePlannedMerge(files, std::move(options));
  ARROW_ASSIGN_OR_RAISE(schema::Schema key_schema, KeySchema(*options.writer.schema, options.key_field_ids));
  auto& always = options.writer.metrics.always_field_ids;  // bounds of keys keep later merges fast
  always.insert(always.end(), options.key_field_ids.begin(), options.key_field_ids.end());
  ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(files, options.writer));
  return std::make_unique<KeyedMerge>(files, std::move(options), std::move(key_schema), std::move(writer));
}

Result<std::shared_ptr<arrow::BooleanArray>> DeleteMask(const arrow::RecordBatch& batch) {
  const auto column = batch.GetColumnByName("_op");
  if (column == nullptr) return std::shared_ptr<arrow::BooleanArray>();
  if (column->type_id() != arrow::Type::STRING) {
    return MakeError(Fault::kBug, "column _op is " + column->type()->ToString() + ", not utf8");
  }
  const auto& operations = static_cast<const arrow::StringArray&>(*column);
  arrow::BooleanBuilder mask;
  ARROW_RETURN_NOT_OK(mask.Reserve(operations.length()));
  for (int64_t row = 0; row < operations.length(); ++row) {
    std::string name(operations.IsNull(row) ? std::string_view() : operations.GetView(row));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    mask.UnsafeAppend(name == "delete" || name == "d");
  }
  std::shared_ptr<arrow::BooleanArray> result;
  ARROW_RETURN_NOT_OK(mask.Finish(&result));
  return result;
}

}  // namespace firn::table
