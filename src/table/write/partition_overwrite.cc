#include "table/write/partition_overwrite.h"

#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/failpoint.h"
#include "table/delete/delete_reader.h"
#include "table/delete/deletion_vector.h"
#include "table/scan/live_rows.h"
#include "table/write/transform.h"

namespace firn::table {

namespace {

/// The partitions of some files, by their values.
class Partitions {
 public:
  explicit Partitions(const std::vector<DataFile>& files) {
    for (const DataFile& file : files) {
      if (file.content == FileContent::kData) keys_.insert(KeyOf(file.partition));
    }
  }
  bool Contains(const std::vector<Literal>& partition) const { return keys_.contains(KeyOf(partition)); }

 private:
  static std::string KeyOf(const std::vector<Literal>& partition) {
    std::string key;
    for (const Literal& value : partition) {
      const std::string bytes = value.is_null() ? "" : ToSingleValue(value);
      key += (value.is_null() ? "-" : std::to_string(bytes.size()) + ":") + bytes;
    }
    return key;
  }
  std::unordered_set<std::string> keys_;
};

/// The rows of a file that the new partition spec would put into one of the partitions.
Result<PositionSet> RowsIn(io::FileStore& files, const ManifestEntry& entry, std::shared_ptr<const PositionSet> deleted,
                           const RowRemovalOptions& options, const Partitions& partitions, arrow::MemoryPool* pool) {
  schema::Schema target;
  for (const schema::Field& field : options.writer.schema->fields) {
    const bool is_source = std::ranges::any_of(options.writer.spec.fields, [&](const PartitionField& partition) {
      return schema::Schema{.fields = {field}}.FindById(partition.source_id) != nullptr;
    });
    if (is_source) target.fields.push_back(field);
  }
  ARROW_ASSIGN_OR_RAISE(PartitionKeys numbers, PartitionKeys::Make(options.writer.spec, target));
  const auto num_sources = static_cast<int>(target.fields.size());
  target.fields.push_back({.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long(), .required = true});
  ARROW_ASSIGN_OR_RAISE(const auto reader, OpenLiveRows(files, entry.file, std::move(deleted), target,
                                                        {.name_mapping = options.name_mapping.get(), .pool = pool}));
  PositionSet rows;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return rows;
    const auto* positions = batch->column(num_sources)->data()->GetValues<int64_t>(1);
    ARROW_ASSIGN_OR_RAISE(const auto sources, batch->RemoveColumn(num_sources));
    ARROW_ASSIGN_OR_RAISE(const auto partition, numbers.Number(*sources, pool));
    for (size_t row = 0; row < partition.size(); ++row) {
      if (partitions.Contains(numbers.tuple(partition[row]))) rows.Add(positions[row]);
    }
  }
}

}  // namespace

Result<MergeResult> OverwritePartitions(io::FileStore& files, const RowRemovalOptions& options,
                                        const MergeTarget& target, std::vector<DataFile> added) {
  FIRN_FAILPOINT("overwrite.plan");
  MergeResult result{.added = std::move(added)};
  if (result.added.empty() || target.live == nullptr) return result;
  arrow::MemoryPool* pool = options.writer.pool != nullptr ? options.writer.pool : arrow::default_memory_pool();
  const Partitions partitions(result.added);
  const auto reader = DeleteReader::Make(files, target.metadata, {.name_mapping = options.name_mapping, .pool = pool});
  RowsByFile dead;
  for (size_t i = 0; i < target.live->files.size(); ++i) {
    const ManifestEntry& entry = target.live->files[i];
    const bool same_spec = entry.file.spec_id == options.writer.spec.spec_id;
    if (same_spec && !partitions.Contains(entry.file.partition)) continue;
    ARROW_ASSIGN_OR_RAISE(auto deleted, reader->DeletedRows(entry, target.live->DeletesOf(i)));
    PositionSet rows;
    if (same_spec) {
      rows.AddRange(0, entry.file.record_count);
      result.rows_deleted += entry.file.record_count - (deleted == nullptr ? 0 : deleted->cardinality());
    } else {
      ARROW_ASSIGN_OR_RAISE(rows, RowsIn(files, entry, std::move(deleted), options, partitions, pool));
      result.rows_deleted += rows.cardinality();
    }
    if (!rows.empty()) dead[i] = std::move(rows);
  }
  ARROW_RETURN_NOT_OK(WriteRemoval(files, options, target, dead, *reader, &result));
  return result;
}

}  // namespace firn::table
