#include "table/write/key_removal.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "table/write/key_hasher.h"

namespace firn::table {

namespace {

constexpr size_t kRecentKeys = 1 << 15;

size_t ShardOf(const Hash128& hash) {
  return static_cast<size_t>(hash.high >> 58);
}
static_assert(KeyLog::kShards == size_t{1} << 6);

}  // namespace

Result<std::unique_ptr<KeyRemoval>> KeyRemoval::Make(const schema::Schema& table, std::vector<int32_t> key,
                                                     Options options) {
  ARROW_ASSIGN_OR_RAISE(schema::Schema key_schema, KeySchema(table, key));
  return std::unique_ptr<KeyRemoval>(new KeyRemoval(std::move(key_schema), std::move(key), std::move(options)));
}

KeyRemoval::KeyRemoval(schema::Schema key_schema, std::vector<int32_t> key, Options options)
    : options_(std::move(options)),
      key_(std::move(key)),
      key_schema_(std::move(key_schema)),
      range_(key_schema_),
      keys_(options_.memory_bytes / 2, options_.temporary_folder),
      recent_(kRecentKeys) {}

Status KeyRemoval::SetSchema(const schema::Schema& table) {
  ARROW_ASSIGN_OR_RAISE(key_schema_, KeySchema(table, key_));
  source_schema_.reset();
  return range_.SetSchema(key_schema_);
}

Result<std::shared_ptr<arrow::RecordBatch>> KeyRemoval::KeysOf(const arrow::RecordBatch& batch) {
  if (source_schema_ != batch.schema()) {
    ARROW_ASSIGN_OR_RAISE(projection_, Projection::Make(*batch.schema(), key_schema_, Projection::Extra::kDrop));
    source_schema_ = batch.schema();
  }
  return projection_->Apply(batch, options_.pool);
}

Status KeyRemoval::FindNulls(const arrow::RecordBatch& batch, std::vector<bool>* null_keys) {
  ARROW_ASSIGN_OR_RAISE(const auto keys, KeysOf(batch));
  for (const auto& column : keys->columns()) {
    if (column->null_count() == 0) continue;
    null_keys->resize(static_cast<size_t>(batch.num_rows()));
    for (int64_t row = 0; row < column->length(); ++row) {
      if (column->IsNull(row)) (*null_keys)[static_cast<size_t>(row)] = true;
    }
  }
  return Status::OK();
}

Status KeyRemoval::Add(const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(const auto keys, KeysOf(batch));
  ARROW_RETURN_NOT_OK(range_.Add(*keys, options_.pool));
  for (const Hash128& hash : HashKeys(*keys).hashes) {
    Hash128& recent = recent_[hash.low % recent_.size()];
    if (std::exchange(recent, hash) != hash) ARROW_RETURN_NOT_OK(keys_.Append({.hash = hash}));
  }
  return Status::OK();
}

/// Returns the distinct keys of shards from `first_shard` on, as many as may be in memory, and the shard after them.
Result<size_t> KeyRemoval::TakeKeys(size_t first_shard, std::vector<Hash128>* keys) const {
  const auto most = static_cast<size_t>(options_.memory_bytes / 2) / sizeof(Hash128);
  size_t shard = first_shard;
  for (; shard < KeyLog::kShards && (keys->empty() || keys->size() < most / 2); ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto records, keys_.Shard(shard, options_.pool));
    for (size_t i = 0; i < records.size(); ++i) {
      if (i == 0 || records[i].hash != records[i - 1].hash) keys->push_back(records[i].hash);
    }
  }
  return shard;
}

Result<int64_t> KeyRemoval::Find(io::FileStore& files, const ScanPlan* live, DeleteReader* reader, RowsByFile* dead) {
  const KeyScanOptions scan{
      .key_schema = &key_schema_, .name_mapping = options_.name_mapping.get(), .pool = options_.pool};
  int64_t num_files = 0;
  for (size_t begin = 0, end = 0; begin < KeyLog::kShards; begin = end) {
    std::vector<Hash128> keys;  // sorted: shards are ranges
    ARROW_ASSIGN_OR_RAISE(end, TakeKeys(begin, &keys));
    if (keys.empty()) continue;
    const auto note = [&](size_t file, std::span<const Hash128> found, std::span<const int64_t> positions) -> Status {
      std::vector<int64_t> rows;
      for (size_t i = 0; i < found.size(); ++i) {
        const size_t shard = ShardOf(found[i]);
        if (shard < begin || shard >= end) continue;
        if (std::ranges::binary_search(keys, found[i])) rows.push_back(positions[i]);
      }
      if (!rows.empty()) (*dead)[file].AddMany(rows);
      return Status::OK();
    };
    const auto wanted = [&](const DataFile& file) { return range_.MayOverlap(file); };
    ARROW_ASSIGN_OR_RAISE(const int64_t num_read, ScanLiveKeys(files, live, scan, wanted, reader, note));
    num_files += num_read;
  }
  return num_files;
}

}  // namespace firn::table
