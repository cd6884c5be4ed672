#include "table/delete/delete_reader.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/thread_annotations.h"
#include "io/file_store.h"
#include "table/delete/deletion_vector.h"
#include "table/delete/equality_keys.h"
#include "table/delete/position_delete_file.h"
#include "table/scan/file_reader.h"

namespace firn::table {

namespace {

constexpr int64_t kPositionBytes = 16;  // of one row of a position delete file in memory, at most
constexpr int64_t kKeyBatchRows = 16 * 1024;

/// Bytes of the larger things several data files share. The oldest go when there is no room.
template <typename Key, typename Value>
class SharedCache {
 public:
  explicit SharedCache(int64_t bytes_max) : bytes_max_(bytes_max) {}

  std::shared_ptr<const Value> Find(const Key& key) const {
    const MutexLock lock(mutex_);
    const auto found = items_.find(key);
    return found == items_.end() ? nullptr : found->second.value;
  }
  void Put(const Key& key, std::shared_ptr<const Value> value, int64_t bytes) {
    const MutexLock lock(mutex_);
    if (bytes > bytes_max_ || items_.contains(key)) return;
    while (bytes_ + bytes > bytes_max_) RemoveOldest();
    bytes_ += bytes;
    items_[key] = {std::move(value), bytes, next_++};
  }

 private:
  struct Item {
    std::shared_ptr<const Value> value;
    int64_t bytes = 0;
    uint64_t age = 0;
  };
  void RemoveOldest() FIRN_REQUIRES(mutex_) {
    const auto oldest = std::min_element(items_.begin(), items_.end(),
                                         [](const auto& a, const auto& b) { return a.second.age < b.second.age; });
    bytes_ -= oldest->second.bytes;
    items_.erase(oldest);
  }

  const int64_t bytes_max_;
  mutable Mutex mutex_;
  std::map<Key, Item> items_ FIRN_GUARDED_BY(mutex_);
  int64_t bytes_ FIRN_GUARDED_BY(mutex_) = 0;
  uint64_t next_ FIRN_GUARDED_BY(mutex_) = 0;
};

class DeleteReaderImpl final : public DeleteReader {
 public:
  DeleteReaderImpl(io::FileStore& files, std::shared_ptr<const TableMetadata> metadata, DeleteReaderOptions options)
      : files_(files),
        metadata_(std::move(metadata)),
        options_(std::move(options)),
        pool_(options_.pool != nullptr ? options_.pool : arrow::default_memory_pool()),
        position_files_(options_.memory_bytes / 4),
        keys_(options_.memory_bytes / 2) {}

  Result<std::shared_ptr<const PositionSet>> DeletedRows(const ManifestEntry& data,
                                                         const FileDeletes& deletes) override {
    PositionSet rows;
    ARROW_RETURN_NOT_OK(AddPositions(data, deletes, &rows));
    for (const auto& group : deletes.equality) {
      const Status status = AddEquality(data, group, &rows);
      if (!status.ok()) return Within("equality deletes of " + data.file.file_path, status);
    }
    return Shared(std::move(rows));
  }

  Result<std::shared_ptr<const PositionSet>> DeletedPositions(const ManifestEntry& data,
                                                              const FileDeletes& deletes) override {
    PositionSet rows;
    ARROW_RETURN_NOT_OK(AddPositions(data, deletes, &rows));
    return Shared(std::move(rows));
  }

 private:
  static std::shared_ptr<const PositionSet> Shared(PositionSet rows) {
    return rows.empty() ? nullptr : std::make_shared<const PositionSet>(std::move(rows));
  }

  Status AddPositions(const ManifestEntry& data, const FileDeletes& deletes, PositionSet* rows);
  Status AddPositionFile(const DataFile& entry, const std::string& data_file, PositionSet* rows);
  Status AddEquality(const ManifestEntry& data, const std::shared_ptr<const EqualityGroup>& group, PositionSet* rows);
  Result<std::shared_ptr<const EqualityKeys>> WholeGroup(const std::shared_ptr<const EqualityGroup>& group,
                                                         const schema::Schema& schema);
  template <typename Visit>
  Status ForEachKeyBatch(const DataFile& file, const schema::Schema& schema, const NameMapping* mapping,
                         Visit&& visit) const;
  template <typename Full>
  Status LoadKeys(const DataFile& entry, const schema::Schema& schema, int64_t sequence_number, EqualityKeys* keys,
                  Full&& full) const;
  Status MarkRows(const ManifestEntry& data, const schema::Schema& schema, const EqualityKeys& keys,
                  PositionSet* rows) const;
  Status MarkInPasses(const ManifestEntry& data, const EqualityGroup& group, const schema::Schema& schema,
                      PositionSet* rows);

  io::FileStore& files_;
  const std::shared_ptr<const TableMetadata> metadata_;
  const DeleteReaderOptions options_;
  arrow::MemoryPool* pool_;
  SharedCache<std::string, PositionsByFile> position_files_;
  SharedCache<std::shared_ptr<const EqualityGroup>, EqualityKeys> keys_;
  // Held while the keys of a group are read, so that memory has one such table at a time and each is read once: the
  // threads that wait need the same keys, or the same memory.
  Mutex loading_;
  std::set<std::shared_ptr<const EqualityGroup>> too_large_ FIRN_GUARDED_BY(loading_);
};

Status CheckParquet(const DataFile& entry) {
  if (entry.file_format == FileFormat::kParquet) return Status::OK();
  return MakeError(Fault::kConfig, "delete file is not Parquet: " + entry.file_path,
                   {.why = "reading without it would return deleted rows",
                    .next = "rewrite the table's delete files as Parquet (Spark: rewrite_data_files with "
                            "delete-file-threshold 1)"});
}

Status DeleteReaderImpl::AddPositions(const ManifestEntry& data, const FileDeletes& deletes, PositionSet* rows) {
  if (deletes.vector != nullptr) {
    ARROW_ASSIGN_OR_RAISE(*rows, ReadDeletionVector(files_, deletes.vector->file));
  }
  for (const DeleteEntry& entry : deletes.positions) {
    ARROW_RETURN_NOT_OK(AddPositionFile(entry->file, data.file.file_path, rows));
  }
  const int64_t largest = rows->Max().value_or(-1);
  if (largest < data.file.record_count) return Status::OK();
  return MakeError(Fault::kBadData, "row " + std::to_string(largest) + " of data file " + data.file.file_path +
                                        " is deleted, but it has " + std::to_string(data.file.record_count) + " rows");
}

Status DeleteReaderImpl::AddPositionFile(const DataFile& entry, const std::string& data_file, PositionSet* rows) {
  ARROW_RETURN_NOT_OK(CheckParquet(entry));
  auto all = position_files_.Find(entry.file_path);
  // What is about one data file, or too large to keep, is read for that data file alone.
  const bool keep = !ScopeOf(entry) && entry.record_count < options_.memory_bytes / 4 / kPositionBytes;
  if (all == nullptr) {
    const auto only = keep ? std::nullopt : std::optional(data_file);
    ARROW_ASSIGN_OR_RAISE(PositionsByFile read, ReadPositionDeleteFile(files_, entry, only, pool_));
    int64_t bytes = 0;
    for (const auto& [path, positions] : read) {
      bytes += positions.memory_bytes() + static_cast<int64_t>(path.size()) + 128;
    }
    all = std::make_shared<const PositionsByFile>(std::move(read));
    if (keep) position_files_.Put(entry.file_path, all, bytes);
  }
  if (const auto found = all->find(data_file); found != all->end()) rows->Union(found->second);
  return Status::OK();
}

Status DeleteReaderImpl::AddEquality(const ManifestEntry& data, const std::shared_ptr<const EqualityGroup>& group,
                                     PositionSet* rows) {
  ARROW_ASSIGN_OR_RAISE(const schema::Schema schema, EqualitySchema(*metadata_, group->field_ids));
  std::shared_ptr<const EqualityKeys> keys = keys_.Find(group);
  if (keys == nullptr) {
    const MutexLock lock(loading_);
    keys = keys_.Find(group);
    if (keys == nullptr && !too_large_.contains(group)) {
      ARROW_ASSIGN_OR_RAISE(keys, WholeGroup(group, schema));
      if (keys == nullptr) too_large_.insert(group);
    }
    if (keys == nullptr) return MarkInPasses(data, *group, schema, rows);
  }
  return MarkRows(data, schema, *keys, rows);
}

template <typename Visit>
Status DeleteReaderImpl::ForEachKeyBatch(const DataFile& file, const schema::Schema& schema, const NameMapping* mapping,
                                         Visit&& visit) const {
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        OpenDataFile(files_, file.file_path, schema,
                                     {.batch_rows = kKeyBatchRows, .name_mapping = mapping, .pool = pool_}));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(KeyEncoder encoder, KeyEncoder::Make(*batch));
    ARROW_RETURN_NOT_OK(visit(encoder));
  }
}

/// Adds the keys of a delete file; calls `full` whenever the table has reached its share of the memory.
template <typename Full>
Status DeleteReaderImpl::LoadKeys(const DataFile& entry, const schema::Schema& schema, int64_t sequence_number,
                                  EqualityKeys* keys, Full&& full) const {
  ARROW_RETURN_NOT_OK(CheckParquet(entry));
  return ForEachKeyBatch(entry, schema, nullptr, [&](KeyEncoder& encoder) -> Status {
    for (int64_t row = 0; row < encoder.num_rows(); ++row) {
      keys->Insert(encoder.Key(row), sequence_number);
      if (keys->memory_bytes() >= options_.memory_bytes / 2) ARROW_RETURN_NOT_OK(full());
    }
    return Status::OK();
  });
}

/// The keys of all entries, kept for other data files; null if they do not fit.
Result<std::shared_ptr<const EqualityKeys>> DeleteReaderImpl::WholeGroup(
    const std::shared_ptr<const EqualityGroup>& group, const schema::Schema& schema) {
  auto keys = std::make_shared<EqualityKeys>();
  bool fits = true;
  for (const DeleteEntry& entry : group->entries) {
    const Status status = LoadKeys(entry->file, schema, *entry->sequence_number, keys.get(), [&] {
      fits = false;
      return Status::Cancelled("too large");
    });
    if (!fits) return std::shared_ptr<const EqualityKeys>();
    ARROW_RETURN_NOT_OK(status);
  }
  keys_.Put(group, keys, keys->memory_bytes());
  return std::shared_ptr<const EqualityKeys>(std::move(keys));
}

Status DeleteReaderImpl::MarkRows(const ManifestEntry& data, const schema::Schema& schema, const EqualityKeys& keys,
                                  PositionSet* rows) const {
  int64_t position = 0;
  std::vector<int64_t> found;
  ARROW_RETURN_NOT_OK(
      ForEachKeyBatch(data.file, schema, options_.name_mapping.get(), [&](KeyEncoder& encoder) -> Status {
        found.clear();
        for (int64_t row = 0; row < encoder.num_rows(); ++row, ++position) {
          // Only deletes of later commits count (materialize#36206).
          if (keys.Find(encoder.Key(row)).value_or(-1) > *data.sequence_number) found.push_back(position);
        }
        rows->AddMany(found);
        return Status::OK();
      }));
  if (position == data.file.record_count) return Status::OK();
  return MakeError(Fault::kBadData, "data file " + data.file.file_path + " has " + std::to_string(position) +
                                        " rows, the manifest says " + std::to_string(data.file.record_count));
}

/// As many passes over the data file's key columns as the keys need.
Status DeleteReaderImpl::MarkInPasses(const ManifestEntry& data, const EqualityGroup& group,
                                      const schema::Schema& schema, PositionSet* rows) {
  EqualityKeys keys;
  const auto pass = [&] {
    const Status status = MarkRows(data, schema, keys, rows);
    keys.Clear();
    return status;
  };
  for (const DeleteEntry& entry : group.entries) {
    if (*entry->sequence_number <= *data.sequence_number) continue;
    ARROW_RETURN_NOT_OK(LoadKeys(entry->file, schema, *entry->sequence_number, &keys, pass));
  }
  return keys.size() == 0 ? Status::OK() : pass();
}

}  // namespace

std::shared_ptr<DeleteReader> DeleteReader::Make(io::FileStore& files, std::shared_ptr<const TableMetadata> metadata,
                                                 DeleteReaderOptions options) {
  return std::make_shared<DeleteReaderImpl>(files, std::move(metadata), std::move(options));
}

}  // namespace firn::table
