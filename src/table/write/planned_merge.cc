#include "table/write/planned_merge.h"

#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/log.h"
#include "schema/arrow_mapping.h"
#include "table/delete/delete_writer.h"
#include "table/manifest/row_ids.h"
#include "table/scan/row_lineage.h"
#include "table/write/key_hasher.h"
#include "table/write/key_range.h"
#include "table/write/key_removal.h"
#include "table/write/keyed_rows.h"
#include "table/write/live_deletes.h"
#include "table/write/live_key_rows.h"
#include "table/write/planned_rows.h"
#include "table/write/row_spool.h"

namespace firn::table {

namespace {

/// Rows of a batch that are written, with what belongs to each.
struct Picked {
  arrow::Int64Builder rows;
  arrow::Int64Builder row_ids;
  std::vector<RowStamp> stamps;

  explicit Picked(arrow::MemoryPool* pool) : rows(pool), row_ids(pool) {}
  Status Add(int64_t row, const PlannedRow& planned) {
    stamps.push_back(planned.stamp);
    ARROW_RETURN_NOT_OK(rows.Append(row));
    return planned.row_id < 0 ? row_ids.AppendNull() : row_ids.Append(planned.row_id);
  }
};

/// A current row that is gone if the load does not have its key.
bool IsInScope(const KeyedRow& row) {
  return row.is(KeyedRow::kInScope) && !row.is(KeyedRow::kHasEnd);
}

class PlannedMerge final : public MergeWriter {
 public:
  PlannedMerge(io::FileStore& files, MergeOptions options)
      : files_(files),
        options_(std::move(options)),
        strategy_(*options_.strategy),
        pool_(options_.writer.pool != nullptr ? options_.writer.pool : arrow::default_memory_pool()),
        spool_(options_.writer.temporary_folder),
        load_(log_bytes(), options_.writer.temporary_folder) {
    if (strategy_.retires()) options_.retire.kind = RetireScope::Kind::kAll;
    if (strategy_.looks_at_table() && options_.retire.kind != RetireScope::Kind::kAll) index_ = options_.index;
    if (index_ != nullptr) secret_ = index_->secret();
  }

  Status Open();
  Result<AppendResult> Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                              const arrow::BooleanArray* deletes) override;
  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override;
  Status Name(const std::shared_ptr<arrow::RecordBatch>& batch) override;
  Result<MergeResult> Finish(const MergeTarget& target) override;
  Status Committed(const Snapshot&) override { return Status::OK(); }
  int64_t memory_bytes() const override {
    int64_t bytes = load_.memory_bytes() + (filter_ ? filter_->memory_bytes() : 0);
    for (const auto& removal : removals_) bytes += removal->memory_bytes();
    if (named_ != nullptr) bytes += named_->memory_bytes();
    return bytes;
  }

 private:
  int64_t log_bytes() const { return options_.key_memory_bytes / 4; }
  bool has_key() const { return !options_.key_field_ids.empty(); }
  const schema::Schema& schema() const { return *options_.writer.schema; }
  KeyScanOptions ScanOptionsOf() const {
    return {.key_schema = &key_schema_,
            .secret = secret_ ? &*secret_ : nullptr,
            .name_mapping = options_.name_mapping.get(),
            .pool = pool_};
  }

  RetireScope::Kind ScopeOn(const MergeTarget& target) const {
    return target.retires ? options_.retire.kind : RetireScope::Kind::kNone;
  }

  Status ReadSchema();
  Result<std::unique_ptr<KeyRemoval>> NewRemoval(const std::vector<int32_t>& key) const;
  Result<std::vector<bool>> Rejected(const arrow::RecordBatch& batch, KeyedRowReader::Rows* rows,
                                     const arrow::BooleanArray* deletes);
  Result<std::shared_ptr<arrow::RecordBatch>> Some(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                   const std::vector<bool>& mask, bool value) const;
  Status Log(const arrow::RecordBatch& kept, std::vector<KeyedRow> rows);
  Status Seal();
  Status ReadLive(const MergeTarget& target, DeleteReader* reader, KeyedLog* live, MergeResult* result);
  Result<RowsByFile> FindLive(const MergeTarget& target, DeleteReader* reader, MergeResult* result);
  Result<RowsByFile> FindKeys(const LiveKeySearch& search, MergeResult* result);
  Status DecideAll(const KeyedLog& live, PlannedRows* planned);
  Status TellGone(const MergeTarget& target);
  Result<std::vector<WrittenFile>> WriteRows(const MergeTarget& target, const PlannedRows& planned);
  Status WriteLoad(const PlannedRows& planned, bool lineage, TableWriter* writer);
  Status WriteRestamped(const MergeTarget& target, const PlannedRows& planned, bool lineage, TableWriter* writer);
  Status WritePicked(const std::shared_ptr<arrow::RecordBatch>& batch, Picked* picked, bool lineage,
                     TableWriter* writer);
  Result<MergeResult> FinishOn(const MergeTarget& target);
  Status Delete(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader, MergeResult* result);

  io::FileStore& files_;
  MergeOptions options_;  // its schema is the present one
  const MergeStrategy& strategy_;
  arrow::MemoryPool* pool_;
  RowSpool spool_;
  KeyedLog load_;
  index::KeyIndex* index_ = nullptr;  // null: live rows are found by scanning
  std::optional<index::HashSecret> secret_;
  schema::Schema key_schema_;
  std::optional<KeyRange> range_;
  std::optional<KeyedRowReader> reader_;  // of rows of the load
  std::vector<std::unique_ptr<KeyRemoval>> removals_;
  std::unique_ptr<KeyRemoval> named_;             // of kNamed: what Name was given
  RowsByFile gone_;                               // of on_gone: a live row of each key
  RowsByFile named_rows_;                         // its live rows
  std::shared_ptr<arrow::Schema> source_schema_;  // of the last batch, with the projection made for it
  std::optional<Projection> projection_;
  OrderRange orders_;
  std::optional<KeyFilter> filter_;  // after Seal
  bool sealed_ = false;
};

Status PlannedMerge::Open() {
  for (const std::vector<int32_t>& key : strategy_.removal_keys()) {
    ARROW_ASSIGN_OR_RAISE(auto removal, NewRemoval(key));
    removals_.push_back(std::move(removal));
  }
  if (options_.retire.kind == RetireScope::Kind::kNamed) {
    ARROW_ASSIGN_OR_RAISE(named_, NewRemoval(options_.retire.named));
  }
  if (!has_key() && strategy_.looks_at_table()) return MakeError(Fault::kConfig, "merge needs a primary key");
  ARROW_RETURN_NOT_OK(ReadSchema());
  range_.emplace(key_schema_);
  // Bounds of what is compared keep later merges fast.
  auto& always = options_.writer.metrics.always_field_ids;
  const auto add = [&](const std::vector<int32_t>& ids) { always.insert(always.end(), ids.begin(), ids.end()); };
  add(options_.key_field_ids);
  for (const auto& key : strategy_.removal_keys()) add(key);
  if (const int32_t order = strategy_.live_columns().order; order != 0) always.push_back(order);
  if (const int32_t order = options_.retire.order_field_id; order != 0) always.push_back(order);
  add(options_.retire.named);
  return Status::OK();
}

Result<std::unique_ptr<KeyRemoval>> PlannedMerge::NewRemoval(const std::vector<int32_t>& key) const {
  return KeyRemoval::Make(schema(), key,
                          {.memory_bytes = log_bytes(),
                           .temporary_folder = options_.writer.temporary_folder,
                           .name_mapping = options_.name_mapping,
                           .pool = pool_});
}

Status PlannedMerge::ReadSchema() {
  ARROW_RETURN_NOT_OK(strategy_.CheckSchema(schema()));
  if (has_key()) {
    ARROW_ASSIGN_OR_RAISE(key_schema_, KeySchema(schema(), options_.key_field_ids));
  }
  ARROW_ASSIGN_OR_RAISE(reader_,
                        KeyedRowReader::Make(schema(), options_.key_field_ids, strategy_.load_columns(), strategy_));
  source_schema_.reset();
  return Status::OK();
}

Status PlannedMerge::SetSchema(std::shared_ptr<const schema::Schema> schema) {
  options_.writer.schema = std::move(schema);
  ARROW_RETURN_NOT_OK(ReadSchema());
  for (const auto& removal : removals_) ARROW_RETURN_NOT_OK(removal->SetSchema(*options_.writer.schema));
  if (named_ != nullptr) ARROW_RETURN_NOT_OK(named_->SetSchema(*options_.writer.schema));
  return has_key() ? range_->SetSchema(key_schema_) : Status::OK();
}

Status PlannedMerge::Name(const std::shared_ptr<arrow::RecordBatch>& batch) {
  if (named_ == nullptr) return MergeWriter::Name(batch);
  FIRN_CHECK(!sealed_);
  std::vector<bool> nulls;
  ARROW_RETURN_NOT_OK(named_->FindNulls(*batch, &nulls));
  if (nulls.empty()) return named_->Add(*batch);
  ARROW_ASSIGN_OR_RAISE(const auto whole, Some(batch, nulls, false));
  return named_->Add(*whole);
}

Result<AppendResult> PlannedMerge::Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                                          const arrow::BooleanArray* deletes) {
  FIRN_CHECK(!sealed_ && (deletes == nullptr || deletes->length() == batch->num_rows()));
  if (source_schema_ != batch->schema()) {
    ARROW_ASSIGN_OR_RAISE(projection_, Projection::Make(*batch->schema(), reader_->schema(), Projection::Extra::kDrop));
    source_schema_ = batch->schema();
  }
  ARROW_ASSIGN_OR_RAISE(const auto looked_at, projection_->Apply(*batch, pool_));
  KeyedRowReader::Rows found = reader_->Read(*looked_at, secret_ ? &*secret_ : nullptr);
  ARROW_ASSIGN_OR_RAISE(const std::vector<bool> rejected, Rejected(*batch, &found, deletes));
  AppendResult result;
  result.num_null_keys = std::count(rejected.begin(), rejected.end(), true);
  std::shared_ptr<arrow::RecordBatch> kept = batch, kept_keys = looked_at;
  if (result.num_null_keys > 0) {
    ARROW_ASSIGN_OR_RAISE(result.null_keys, Some(batch, rejected, true));
    ARROW_ASSIGN_OR_RAISE(kept, Some(batch, rejected, false));
    ARROW_ASSIGN_OR_RAISE(kept_keys, Some(looked_at, rejected, false));
    size_t row = 0;
    std::erase_if(found.rows, [&](const KeyedRow&) { return rejected[row++]; });
  }
  if (has_key()) {
    std::vector<int> first;
    for (size_t i = 0; i < key_schema_.fields.size(); ++i) first.push_back(static_cast<int>(i));
    ARROW_ASSIGN_OR_RAISE(const auto keys, kept_keys->SelectColumns(first));
    ARROW_RETURN_NOT_OK(range_->Add(*keys, pool_));
  }
  ARROW_RETURN_NOT_OK(Log(*kept, std::move(found.rows)));
  ARROW_RETURN_NOT_OK(spool_.Add(kept, pool_));
  return result;
}

/// Also says of each row whether it is a deletion, and gives a row that is like no other a hash of its own.
Result<std::vector<bool>> PlannedMerge::Rejected(const arrow::RecordBatch& batch, KeyedRowReader::Rows* rows,
                                                 const arrow::BooleanArray* deletes) {
  std::vector<bool> rejected;
  for (const auto& removal : removals_) ARROW_RETURN_NOT_OK(removal->FindNulls(batch, &rejected));
  rejected.resize(rows->rows.size());
  for (size_t i = 0; i < rows->rows.size(); ++i) {
    KeyedRow& row = rows->rows[i];
    const auto at = static_cast<int64_t>(i);
    if (deletes != nullptr && deletes->IsValid(at) && deletes->Value(at)) row.flags |= KeyedRow::kIsDelete;
    const bool null_key = !rows->null_key.empty() && rows->null_key[i];
    if (!has_key() || (null_key && strategy_.null_key() == MergeStrategy::NullKey::kKeep)) {
      row.hash = Xxh3("row " + std::to_string(spool_.num_rows() + at));
    } else if (null_key) {
      rejected[i] = true;
    }
    const bool may_lack_order =
        !strategy_.needs_order() || (row.is(KeyedRow::kIsDelete) && !strategy_.deletions_need_order());
    if (!row.is(KeyedRow::kHasOrder) && !may_lack_order) rejected[i] = true;
  }
  return rejected;
}

Result<std::shared_ptr<arrow::RecordBatch>> PlannedMerge::Some(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                               const std::vector<bool>& mask, bool value) const {
  arrow::BooleanBuilder builder(pool_);
  for (const bool flag : mask) ARROW_RETURN_NOT_OK(builder.Append(flag == value));
  ARROW_ASSIGN_OR_RAISE(const auto filter, builder.Finish());
  arrow::compute::ExecContext context(pool_);
  ARROW_ASSIGN_OR_RAISE(auto filtered,
                        arrow::compute::Filter(batch, filter, arrow::compute::FilterOptions::Defaults(), &context));
  return filtered.record_batch();
}

Status PlannedMerge::Log(const arrow::RecordBatch& kept, std::vector<KeyedRow> rows) {
  for (const auto& removal : removals_) ARROW_RETURN_NOT_OK(removal->Add(kept));
  int64_t number = spool_.num_rows();
  for (KeyedRow& row : rows) {
    row.row = number++;
    if (row.is(KeyedRow::kHasOrder)) {
      orders_.min = std::min(orders_.min, row.order);
      orders_.max = std::max(orders_.max, row.order);
    }
    ARROW_RETURN_NOT_OK(load_.Append(row));
  }
  return Status::OK();
}

Status PlannedMerge::Seal() {
  FIRN_FAILPOINT("merge.seal");
  if (has_key()) ARROW_RETURN_NOT_OK(range_->Close());
  for (const auto& removal : removals_) ARROW_RETURN_NOT_OK(removal->Close());
  if (named_ != nullptr) ARROW_RETURN_NOT_OK(named_->Close());
  filter_.emplace(load_.num_records(), log_bytes());
  for (size_t shard = 0; shard < KeyedLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, load_.Shard(shard, pool_));
    for (const KeyedRow& row : rows) filter_->Add(row.hash);
  }
  sealed_ = true;
  return Status::OK();
}

Result<RowsByFile> PlannedMerge::FindLive(const MergeTarget& target, DeleteReader* reader, MergeResult* result) {
  const RetireScope::Kind scope = ScopeOn(target);
  LiveKeySearch search{.files = files_,
                       .target = target,
                       .keys = ScanOptionsOf(),
                       .reader = reader,
                       .wanted = [&](const DataFile& file) { return options_.retire.MayHold(file); }};
  named_rows_.clear();
  RowsByFile rows;
  if (scope == RetireScope::Kind::kNamed) {
    ARROW_ASSIGN_OR_RAISE(result->files_scanned, named_->Find(files_, target.live, reader, &named_rows_));
    rows = named_rows_;
  } else if (scope != RetireScope::Kind::kNone) {
    ARROW_ASSIGN_OR_RAISE(rows, search.All(result));
  }
  if (scope == RetireScope::Kind::kAll || load_.num_records() == 0) return rows;
  search.wanted = [&](const DataFile& file) { return range_->MayOverlap(file) && strategy_.MayMatter(file, orders_); };
  ARROW_ASSIGN_OR_RAISE(const RowsByFile of_keys, FindKeys(search, result));
  for (const auto& [file, positions] : of_keys) rows[file].Union(positions);
  return rows;
}

/// Rows that may have a key of the load.
Result<RowsByFile> PlannedMerge::FindKeys(const LiveKeySearch& search, MergeResult* result) {
  if (index_ != nullptr) {
    const MergeResult before = *result;
    auto found = search.LookUp(load_, *index_, result);
    if (found.ok() || FaultOf(found.status()) == Fault::kCancelled) return found;
    // A cache that fails must not fail the load.
    log::Warn("key index not used for this load", {{"reason", found.status().message()}});
    static_cast<void>(index_->Discard());
    index_ = nullptr;
    *result = before;
  }
  return search.Scan([&](const Hash128& hash) { return filter_->MayContain(hash); }, result);
}

Status PlannedMerge::ReadLive(const MergeTarget& target, DeleteReader* reader, KeyedLog* live, MergeResult* result) {
  if (!strategy_.looks_at_table() || target.live == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const RowsByFile rows, FindLive(target, reader, result));
  ARROW_ASSIGN_OR_RAISE(const KeyedRowReader live_reader,
                        KeyedRowReader::Make(schema(), options_.key_field_ids, strategy_.live_columns(), strategy_,
                                             target.retires ? options_.retire : RetireScope{}));
  const RetireScope::Kind scope = ScopeOn(target);
  const auto keep = [&](KeyedRow& row) {
    const auto named = scope == RetireScope::Kind::kNamed ? named_rows_.find(row.source) : named_rows_.end();
    const bool in_scope =
        scope == RetireScope::Kind::kAll || (named != named_rows_.end() && named->second.Contains(row.row));
    if (in_scope) row.flags |= KeyedRow::kInScope;
    const auto sequence = target.live->files[row.source].sequence_number;
    if (sequence.value_or(0) > options_.retire.sequence_max) row.flags &= ~uint32_t{KeyedRow::kInScope};
    return filter_->MayContain(row.hash) || (row.is(KeyedRow::kInScope) && !row.is(KeyedRow::kHasEnd));
  };
  return ReadKeyedRows(files_, target, rows, live_reader, ScanOptionsOf(), keep, live);
}

Status PlannedMerge::DecideAll(const KeyedLog& live, PlannedRows* planned) {
  FIRN_FAILPOINT("merge.decide");
  const auto end_of_key = [](const std::vector<KeyedRow>& rows, size_t begin) {
    size_t end = begin;
    while (end < rows.size() && rows[end].hash == rows[begin].hash) ++end;
    return end;
  };
  for (size_t shard = 0; shard < KeyedLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto load, load_.Shard(shard, pool_));
    ARROW_ASSIGN_OR_RAISE(const auto stored, live.Shard(shard, pool_));
    for (size_t i = 0, j = 0; i < load.size() || j < stored.size();) {
      const bool has_load = i < load.size() && (j == stored.size() || load[i].hash <= stored[j].hash);
      const bool has_live = j < stored.size() && (i == load.size() || stored[j].hash <= load[i].hash);
      const size_t i_end = has_load ? end_of_key(load, i) : i;
      const size_t j_end = has_live ? end_of_key(stored, j) : j;
      const std::span<const KeyedRow> load_rows(load.data() + i, i_end - i);
      const std::span<const KeyedRow> live_rows(stored.data() + j, j_end - j);
      const bool in_scope = std::ranges::any_of(live_rows, IsInScope);
      planned->counts.in_scope += in_scope;
      planned->counts.retired += in_scope && load_rows.empty();
      const int64_t deleted = planned->counts.deleted;
      if (!load_rows.empty() || in_scope) ARROW_RETURN_NOT_OK(strategy_.Decide(load_rows, live_rows, planned));
      if (options_.on_gone && planned->counts.deleted > deleted && !live_rows.empty()) {
        gone_[live_rows.front().source].Add(live_rows.front().row);
      }
      i = i_end;
      j = j_end;
    }
  }
  return Status::OK();
}

Status PlannedMerge::TellGone(const MergeTarget& target) {
  for (const auto& [file, positions] : gone_) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, OpenRowsAt(files_, target.live->files[file], positions, key_schema_,
                                                        {.name_mapping = options_.name_mapping.get(), .pool = pool_}));
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(options_.on_gone(batch));
    }
  }
  return Status::OK();
}

Result<std::vector<WrittenFile>> PlannedMerge::WriteRows(const MergeTarget& target, const PlannedRows& planned) {
  FIRN_FAILPOINT("merge.write_planned");
  TableWriterOptions writer = options_.writer;
  const bool lineage = planned.takes_over_ids();
  if (lineage) {
    ARROW_ASSIGN_OR_RAISE(auto with_lineage, WithRowLineage(schema()));
    writer.schema = std::make_shared<const schema::Schema>(std::move(with_lineage));
  }
  ARROW_ASSIGN_OR_RAISE(const auto rows, TableWriter::Make(files_, writer));
  ARROW_RETURN_NOT_OK(WriteLoad(planned, lineage, rows.get()));
  ARROW_RETURN_NOT_OK(WriteRestamped(target, planned, lineage, rows.get()));
  ARROW_ASSIGN_OR_RAISE(auto written, rows->Finish());
  for (WrittenFile& file : written) {
    if (lineage) DropLineageMetrics(file.file);
  }
  return written;
}

Status PlannedMerge::WriteLoad(const PlannedRows& planned, bool lineage, TableWriter* writer) {
  PlannedCursor cursor(planned.writes(), pool_);
  for (size_t i = 0; i < spool_.num_batches(); ++i) {
    Picked picked(pool_);
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const PlannedRow* row, cursor.Peek());
      if (row == nullptr || row->row >= spool_.EndRowOf(i)) break;
      ARROW_RETURN_NOT_OK(picked.Add(row->row - spool_.FirstRowOf(i), *row));
      cursor.Advance();
    }
    if (picked.stamps.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto batch, spool_.Read(i, pool_));
    ARROW_RETURN_NOT_OK(WritePicked(batch, &picked, lineage, writer));
  }
  return Status::OK();
}

/// Live rows with other stamps, file by file.
Status PlannedMerge::WriteRestamped(const MergeTarget& target, const PlannedRows& planned, bool lineage,
                                    TableWriter* writer) {
  for (size_t shard = 0; shard < PlannedLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, planned.restamps().Shard(shard, pool_));
    for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
      PositionSet positions;
      while (end < rows.size() && rows[end].source == rows[begin].source) positions.Add(rows[end++].row);
      ARROW_ASSIGN_OR_RAISE(const auto reader,
                            OpenRowsAt(files_, target.live->files[rows[begin].source], positions, schema(),
                                       {.name_mapping = options_.name_mapping.get(), .pool = pool_}));
      std::shared_ptr<arrow::RecordBatch> batch;
      size_t at = begin;
      while (true) {
        ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
        if (batch == nullptr) break;
        Picked picked(pool_);
        for (int64_t row = 0; row < batch->num_rows(); ++row) ARROW_RETURN_NOT_OK(picked.Add(row, rows[at++]));
        ARROW_RETURN_NOT_OK(WritePicked(batch, &picked, lineage, writer));
      }
      if (at != end) return MakeError(Fault::kBug, "merge: a live row to be changed was not read");
    }
  }
  return Status::OK();
}

Status PlannedMerge::WritePicked(const std::shared_ptr<arrow::RecordBatch>& batch, Picked* picked, bool lineage,
                                 TableWriter* writer) {
  ARROW_ASSIGN_OR_RAISE(const Projection to_table,
                        Projection::Make(*batch->schema(), schema(), Projection::Extra::kRefuse));
  ARROW_ASSIGN_OR_RAISE(auto rows, to_table.Apply(*batch, pool_));
  ARROW_ASSIGN_OR_RAISE(const auto indices, picked->rows.Finish());
  if (indices->length() < rows->num_rows()) {
    arrow::compute::ExecContext context(pool_);
    ARROW_ASSIGN_OR_RAISE(const auto taken,
                          arrow::compute::Take(arrow::Datum(rows), arrow::Datum(indices),
                                               arrow::compute::TakeOptions::NoBoundsCheck(), &context));
    rows = taken.record_batch();
  }
  ARROW_ASSIGN_OR_RAISE(rows, strategy_.Stamp(std::move(rows), picked->stamps, key_schema_, pool_));
  if (lineage) {
    ARROW_ASSIGN_OR_RAISE(const auto ids, picked->row_ids.Finish());
    ARROW_ASSIGN_OR_RAISE(const schema::Schema columns, WithRowLineage({}));
    const auto field = schema::ToArrowSchema(columns)->field(0);
    ARROW_ASSIGN_OR_RAISE(rows, rows->AddColumn(rows->num_columns(), field, ids));
  }
  return writer->Append(rows);
}

Status PlannedMerge::Delete(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader,
                            MergeResult* result) {
  if (dead.empty()) return Status::OK();
  const int32_t version =
      std::max(options_.format_version, target.metadata == nullptr ? 0 : target.metadata->format_version);
  ARROW_ASSIGN_OR_RAISE(const auto writer, DeleteWriter::Make(files_, *reader,
                                                              {.format_version = version,
                                                               .location = options_.writer.location,
                                                               .stream = options_.writer.stream,
                                                               .epoch = options_.writer.epoch,
                                                               .pool = pool_,
                                                               .clock = options_.writer.clock}));
  ARROW_RETURN_NOT_OK(DeleteLiveRows(target, dead, reader, writer.get(), result));
  ARROW_ASSIGN_OR_RAISE(DeleteChanges changes, writer->Finish());
  result->added_deletes = std::move(changes.added);
  result->removed_deletes = std::move(changes.removed);
  return Status::OK();
}

Result<MergeResult> PlannedMerge::Finish(const MergeTarget& target) {
  FIRN_FAILPOINT("merge.finish");
  if (!sealed_) ARROW_RETURN_NOT_OK(Seal());
  return FinishOn(target);
}

Result<MergeResult> PlannedMerge::FinishOn(const MergeTarget& target) {
  MergeResult result;
  const auto reader =
      DeleteReader::Make(files_, target.metadata, {.name_mapping = options_.name_mapping, .pool = pool_});
  KeyedLog live(log_bytes(), options_.writer.temporary_folder);
  ARROW_RETURN_NOT_OK(ReadLive(target, reader.get(), &live, &result));
  PlannedRows planned(spool_.num_rows(), target.live, log_bytes(), options_.writer.temporary_folder);
  gone_.clear();
  ARROW_RETURN_NOT_OK(DecideAll(live, &planned));
  if (options_.approve) ARROW_RETURN_NOT_OK(options_.approve(planned.counts));
  if (options_.on_gone) ARROW_RETURN_NOT_OK(TellGone(target));
  RowsByFile removed;
  for (const auto& removal : removals_) {
    ARROW_ASSIGN_OR_RAISE(const int64_t num_files, removal->Find(files_, target.live, reader.get(), &removed));
    result.files_scanned += num_files;
  }
  for (auto& [file, rows] : removed) {
    planned.counts.deleted += rows.cardinality();
    planned.dead()[file].Union(rows);
  }
  ARROW_ASSIGN_OR_RAISE(const auto written, WriteRows(target, planned));
  const Status deleted = Delete(target, planned.dead(), reader.get(), &result);
  if (!deleted.ok()) {
    for (const WrittenFile& file : written) static_cast<void>(files_.Remove(file.file.file_path));
    return deleted;
  }
  result.added = DataFilesOf(written);
  result.rows_inserted = planned.counts.inserted;
  result.rows_updated = planned.counts.updated;
  result.rows_deleted = planned.counts.deleted;
  result.rows_superseded = planned.counts.superseded;
  result.rows_skipped = planned.counts.skipped;
  return result;
}

}  // namespace

Result<std::unique_ptr<MergeWriter>> MakePlannedMerge(io::FileStore& files, MergeOptions options) {
  auto merge = std::make_unique<PlannedMerge>(files, std::move(options));
  ARROW_RETURN_NOT_OK(merge->Open());
  return merge;
}

}  // namespace firn::table
