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
#include <utility>

#include "base/failpoint.h"
#include "io/file_store.h"
#include "table/scan/file_reader.h"
#include "table/write/key_hasher.h"
#include "table/write/key_log.h"

namespace firn::table {

namespace {

/// Positions of a file that are to be left out when it is written again.
struct DeadRows {
  std::vector<bool> dead;
  int64_t count = 0;
  void Mark(int64_t row) {
    const auto position = static_cast<size_t>(row);
    if (position >= dead.size()) dead.resize(position + 1, false);
    count += dead[position] ? 0 : 1;
    dead[position] = true;
  }
  bool Has(int64_t row) const { return static_cast<size_t>(row) < dead.size() && dead[static_cast<size_t>(row)]; }
};

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

/// The range of the new keys, column by column, to leave out live files. Float keys have none: NaN is in no bound, and
/// bounds tell -0.0 from 0.0 while keys do not.
class KeyRange {
 public:
  explicit KeyRange(const schema::Schema& key_schema) : schema_(key_schema) {}
  Status SetSchema(const schema::Schema& key_schema) {
    ARROW_RETURN_NOT_OK(Close());
    schema_ = key_schema;
    return Status::OK();
  }
  Status Add(const arrow::RecordBatch& keys, arrow::MemoryPool* pool) {
    if (!collector_) {
      ARROW_ASSIGN_OR_RAISE(collector_, MetricsCollector::Make(schema_, {.columns_max = 1'000'000}));
    }
    return collector_->Add(keys, pool);
  }
  /// Ends collecting under the present schema; bounds of several schemas are all kept.
  Status Close() {
    if (!collector_) return Status::OK();
    for (ColumnMetrics& metrics : collector_->Finish()) bounds_.push_back(std::move(metrics));
    collector_.reset();
    return Status::OK();
  }
  /// False only if no row of the file can have one of the keys.
  bool MayOverlap(const DataFile& file) const {
    return std::all_of(schema_.fields.begin(), schema_.fields.end(),
                       [&](const schema::Field& field) { return ColumnMayOverlap(field, file); });
  }

 private:
  bool ColumnMayOverlap(const schema::Field& field, const DataFile& file) const {
    using schema::TypeId;
    if (field.type->id == TypeId::kFloat || field.type->id == TypeId::kDouble || field.type->id == TypeId::kUuid) {
      return true;
    }
    const auto lower = file.lower_bounds.find(field.id);
    const auto upper = file.upper_bounds.find(field.id);
    for (const ColumnMetrics& metrics : bounds_) {
      if (metrics.field_id != field.id || metrics.null_count == metrics.value_count) continue;
      const bool below =
          upper != file.upper_bounds.end() && metrics.lower && Before(field.type, upper->second, *metrics.lower);
      const bool above =
          lower != file.lower_bounds.end() && metrics.upper && Before(field.type, *metrics.upper, lower->second);
      if (!below && !above) return true;
    }
    return false;
  }
  static bool Before(const schema::TypePtr& type, const std::string& a, const std::string& b) {
    const auto left = FromSingleValue(type, a);
    const auto right = FromSingleValue(type, b);
    return left.ok() && right.ok() && Compare(*left, *right) < 0;
  }

  schema::Schema schema_;
  std::optional<MetricsCollector> collector_;
  std::vector<ColumnMetrics> bounds_;
};

class CopyOnWriteMerge final : public MergeWriter {
 public:
  CopyOnWriteMerge(io::FileStore& files, MergeOptions options, schema::Schema key_schema,
                   std::unique_ptr<TableWriter> writer)
      : files_(files),
        options_(std::move(options)),
        pool_(options_.writer.pool != nullptr ? options_.writer.pool : arrow::default_memory_pool()),
        key_schema_(std::move(key_schema)),
        range_(key_schema_),
        writer_(std::move(writer)),
        keys_(options_.key_memory_bytes, options_.writer.temporary_folder) {}
  ~CopyOnWriteMerge() override;

  Result<AppendResult> Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                              const arrow::BooleanArray* deletes) override;
  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override;
  Result<MergeResult> Finish(std::span<const DataFile> live) override;
  int64_t memory_bytes() const override {
    return keys_.memory_bytes() + (filter_ ? filter_->memory_bytes() : 0) + (writer_ ? writer_->memory_bytes() : 0);
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> KeysOf(const arrow::RecordBatch& batch);
  Status Seal();
  Status MarkSuperseded(const std::vector<KeyRecord>& records, std::map<size_t, DeadRows>* dead);
  Status RewriteNewFiles(const std::map<size_t, DeadRows>& dead);
  Status Rewrite(const std::string& location, const DeadRows& dead, TableWriter* writer);
  Status ScanKeys(const DataFile& file, uint32_t index, KeyLog* found);
  Result<std::map<size_t, DeadRows>> Join(const KeyLog& found, MergeResult* result);

  io::FileStore& files_;
  MergeOptions options_;  // its schema is the present one
  arrow::MemoryPool* pool_;
  schema::Schema key_schema_;
  KeyRange range_;
  std::unique_ptr<TableWriter> writer_;
  std::shared_ptr<arrow::Schema> source_schema_;  // of the last batch, with the projection made for it
  std::optional<Projection> key_projection_;
  KeyLog keys_;
  bool sealed_ = false;
  std::vector<std::string> unsealed_files_;  // of the load, while sealing
  // After Seal:
  std::optional<KeyFilter> filter_;
  std::vector<WrittenFile> new_files_;
  int64_t rows_superseded_ = 0;
};

CopyOnWriteMerge::~CopyOnWriteMerge() {
  if (sealed_) return;
  for (const std::string& location : unsealed_files_) static_cast<void>(files_.Remove(location));
}

Result<std::shared_ptr<arrow::RecordBatch>> CopyOnWriteMerge::KeysOf(const arrow::RecordBatch& batch) {
  if (source_schema_ != batch.schema()) {
    ARROW_ASSIGN_OR_RAISE(key_projection_, Projection::Make(*batch.schema(), key_schema_, Projection::Extra::kDrop));
    source_schema_ = batch.schema();
  }
  return key_projection_->Apply(batch, pool_);
}

Result<AppendResult> CopyOnWriteMerge::Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                                              const arrow::BooleanArray* deletes) {
  FIRN_CHECK(writer_ != nullptr);
  FIRN_CHECK(deletes == nullptr || deletes->length() == batch->num_rows());
  ARROW_ASSIGN_OR_RAISE(auto keys, KeysOf(*batch));
  const KeyHashes hashed = HashKeys(*keys);
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

Status CopyOnWriteMerge::SetSchema(std::shared_ptr<const schema::Schema> schema) {
  ARROW_ASSIGN_OR_RAISE(schema::Schema key_schema, KeySchema(*schema, options_.key_field_ids));
  ARROW_RETURN_NOT_OK(writer_->SetSchema(schema));
  ARROW_RETURN_NOT_OK(range_.SetSchema(key_schema));
  key_schema_ = std::move(key_schema);
  options_.writer.schema = std::move(schema);
  source_schema_.reset();
  return Status::OK();
}

/// Marks rows of the load that a later row or delete of the same key replaces. `records`: one shard, sorted.
Status CopyOnWriteMerge::MarkSuperseded(const std::vector<KeyRecord>& records, std::map<size_t, DeadRows>* dead) {
  // Files of a partition are in the order of their rows, and partitions were finished one after the other or
  // interleaved: find the file by (partition, ordinal).
  const auto file_of = [this](const KeyRecord& record) {
    const auto after = std::upper_bound(
        new_files_.begin(), new_files_.end(), record, [](const KeyRecord& wanted, const WrittenFile& file) {
          return std::pair(wanted.source, wanted.row) < std::pair(file.partition, file.first_ordinal);
        });
    return static_cast<size_t>(after - new_files_.begin()) - 1;
  };
  for (size_t i = 0; i < records.size(); ++i) {
    const bool last_of_key = i + 1 == records.size() || records[i + 1].hash != records[i].hash;
    if (last_of_key) {
      filter_->Add(records[i].hash);
    } else if (records[i].row != KeyRecord::kDelete) {
      const size_t file = file_of(records[i]);
      if (file >= new_files_.size()) return MakeError(Fault::kBug, "merge: a row is in no file");
      (*dead)[file].Mark(records[i].row - new_files_[file].first_ordinal);
      ++rows_superseded_;
    }
  }
  return Status::OK();
}

/// Ends the new files and frees them of rows superseded within the load.
Status CopyOnWriteMerge::Seal() {
  FIRN_FAILPOINT("merge.seal");
  if (writer_ == nullptr) return MakeError(Fault::kBug, "merge: Finish was called again after it failed");
  ARROW_RETURN_NOT_OK(range_.Close());
  const auto writer = std::move(writer_);
  ARROW_ASSIGN_OR_RAISE(new_files_, writer->Finish());
  for (const WrittenFile& file : new_files_) unsealed_files_.push_back(file.file.file_path);
  std::sort(new_files_.begin(), new_files_.end(), [](const WrittenFile& a, const WrittenFile& b) {
    return std::pair(a.partition, a.first_ordinal) < std::pair(b.partition, b.first_ordinal);
  });
  filter_.emplace(keys_.num_records(), options_.key_memory_bytes / 4);
  std::map<size_t, DeadRows> dead;
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto records, keys_.Shard(shard, pool_));
    ARROW_RETURN_NOT_OK(MarkSuperseded(records, &dead));
  }
  if (!dead.empty()) ARROW_RETURN_NOT_OK(RewriteNewFiles(dead));
  sealed_ = true;
  return Status::OK();
}

Status CopyOnWriteMerge::RewriteNewFiles(const std::map<size_t, DeadRows>& dead) {
  ARROW_ASSIGN_OR_RAISE(auto rewriter, TableWriter::Make(files_, options_.writer));
  std::vector<WrittenFile> kept;
  std::vector<std::string> replaced;
  for (size_t i = 0; i < new_files_.size(); ++i) {
    const auto found = dead.find(i);
    if (found == dead.end()) {
      kept.push_back(std::move(new_files_[i]));
      continue;
    }
    replaced.push_back(new_files_[i].file.file_path);
    if (found->second.count == new_files_[i].file.record_count) continue;
    ARROW_RETURN_NOT_OK(Rewrite(replaced.back(), found->second, rewriter.get()));
  }
  ARROW_ASSIGN_OR_RAISE(auto rewritten, rewriter->Finish());
  for (WrittenFile& file : rewritten) kept.push_back(std::move(file));
  new_files_ = std::move(kept);
  FIRN_FAILPOINT("merge.remove_replaced");
  // Never committed, named nowhere: a failure to remove leaves an orphan and no more.
  for (const std::string& location : replaced) static_cast<void>(files_.Remove(location));
  return Status::OK();
}

Status CopyOnWriteMerge::Rewrite(const std::string& location, const DeadRows& dead, TableWriter* writer) {
  FIRN_FAILPOINT("merge.rewrite");
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenDataFile(files_, location, *options_.writer.schema,
                                                  {.name_mapping = options_.name_mapping.get(), .pool = pool_}));
  int64_t first_row = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto alive, Kept(batch, pool_, [&](int64_t row) { return !dead.Has(first_row + row); }));
    ARROW_RETURN_NOT_OK(writer->Append(alive));
    first_row += batch->num_rows();
  }
}

/// Notes the rows of a live file whose key may be among the new ones.
Status CopyOnWriteMerge::ScanKeys(const DataFile& file, uint32_t index, KeyLog* found) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenDataFile(files_, file.file_path, key_schema_,
                                                  {.name_mapping = options_.name_mapping.get(), .pool = pool_}));
  int64_t first_row = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) break;
    const KeyHashes hashed = HashKeys(*batch);
    for (size_t row = 0; row < hashed.hashes.size(); ++row) {
      if (!hashed.has_null.empty() && hashed.has_null[row]) continue;
      if (!filter_->MayContain(hashed.hashes[row])) continue;
      ARROW_RETURN_NOT_OK(
          found->Append({.hash = hashed.hashes[row], .row = first_row + static_cast<int64_t>(row), .source = index}));
    }
    first_row += batch->num_rows();
  }
  if (first_row != file.record_count) {
    return MakeError(Fault::kBadData, "data file " + file.file_path + " has " + std::to_string(first_row) +
                                          " rows, the manifest says " + std::to_string(file.record_count));
  }
  return Status::OK();
}

/// Returns, by index of live file, the rows whose key the load replaces or deletes, and counts keys.
Result<std::map<size_t, DeadRows>> CopyOnWriteMerge::Join(const KeyLog& found, MergeResult* result) {
  std::map<size_t, DeadRows> dead;
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto load, keys_.Shard(shard, pool_));
    ARROW_ASSIGN_OR_RAISE(const auto table, found.Shard(shard, pool_));
    size_t at = 0;
    for (size_t i = 0; i < load.size(); ++i) {
      if (i + 1 < load.size() && load[i + 1].hash == load[i].hash) continue;  // the last one of a key decides
      while (at < table.size() && table[at].hash < load[i].hash) ++at;
      const bool in_table = at < table.size() && table[at].hash == load[i].hash;
      for (; at < table.size() && table[at].hash == load[i].hash; ++at) dead[table[at].source].Mark(table[at].row);
      const bool is_delete = load[i].row == KeyRecord::kDelete;
      result->rows_inserted += !is_delete && !in_table ? 1 : 0;
      result->rows_updated += !is_delete && in_table ? 1 : 0;
      result->rows_deleted += is_delete && in_table ? 1 : 0;
    }
  }
  return dead;
}

Result<MergeResult> CopyOnWriteMerge::Finish(std::span<const DataFile> live) {
  FIRN_FAILPOINT("merge.finish");
  if (!sealed_) ARROW_RETURN_NOT_OK(Seal());
  MergeResult result{.rows_superseded = rows_superseded_};
  KeyLog found(options_.key_memory_bytes, options_.writer.temporary_folder);
  for (size_t i = 0; i < live.size() && keys_.num_records() > 0; ++i) {
    if (!range_.MayOverlap(live[i])) continue;
    ++result.files_scanned;
    ARROW_RETURN_NOT_OK(ScanKeys(live[i], static_cast<uint32_t>(i), &found));
  }
  ARROW_ASSIGN_OR_RAISE(const auto dead, Join(found, &result));
  result.added = DataFilesOf(new_files_);
  if (dead.empty()) return result;
  ARROW_ASSIGN_OR_RAISE(auto rewriter, TableWriter::Make(files_, options_.writer));
  for (const auto& [index, rows] : dead) {
    result.removed.push_back(live[index]);
    if (rows.count < live[index].record_count) {
      ARROW_RETURN_NOT_OK(Rewrite(live[index].file_path, rows, rewriter.get()));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto rewritten, rewriter->Finish());
  for (WrittenFile& file : rewritten) result.added.push_back(std::move(file.file));
  return result;
}

}  // namespace

Result<std::unique_ptr<MergeWriter>> MergeWriter::Make(io::FileStore& files, MergeOptions options) {
  ARROW_ASSIGN_OR_RAISE(schema::Schema key_schema, KeySchema(*options.writer.schema, options.key_field_ids));
  auto& always = options.writer.metrics.always_field_ids;  // bounds of keys keep later merges fast
  always.insert(always.end(), options.key_field_ids.begin(), options.key_field_ids.end());
  ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(files, options.writer));
  return std::make_unique<CopyOnWriteMerge>(files, std::move(options), std::move(key_schema), std::move(writer));
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
