#include "table/delete/delete_index.h"

#include <algorithm>
#include <utility>

#include "table/delete/position_delete_file.h"
#include "table/metadata/literal.h"

namespace firn::table {

namespace {

Status Bad(const DataFile& file, const std::string& problem) {
  return MakeError(Fault::kBadData, "delete file " + file.file_path + ": " + problem);
}

bool IsUnpartitioned(const PartitionSpec& spec) {
  return std::all_of(spec.fields.begin(), spec.fields.end(),
                     [](const PartitionField& field) { return field.transform.kind == Transform::Kind::kVoid; });
}

/// Spec and partition tuple as one text: equal texts are equal partitions.
std::string PartitionKey(const DataFile& file) {
  std::string key = std::to_string(file.spec_id);
  for (const Literal& value : file.partition) {
    if (value.is_null()) {
      key += "/-";
      continue;
    }
    const std::string bytes = ToSingleValue(value);
    key += "/" + std::to_string(bytes.size()) + ":" + bytes;
  }
  return key;
}

const std::vector<DeleteEntry>& Find(const std::unordered_map<std::string, std::vector<DeleteEntry>>& map,
                                     const std::string& key) {
  static const std::vector<DeleteEntry> kNone;
  const auto found = map.find(key);
  return found == map.end() ? kNone : found->second;
}

}  // namespace

DeleteIndex::DeleteIndex(const TableMetadata& metadata) {
  for (const PartitionSpec& spec : metadata.partition_specs) {
    if (IsUnpartitioned(spec)) unpartitioned_specs_.insert(spec.spec_id);
  }
}

Status DeleteIndex::Add(ManifestEntry entry) {
  FIRN_CHECK(entry.file.content != FileContent::kData);
  FIRN_CHECK(entry.sequence_number.has_value());
  auto shared = std::make_shared<const ManifestEntry>(std::move(entry));
  const DataFile& file = shared->file;
  ++num_files_;
  entries_.push_back(shared);
  if (file.file_format == FileFormat::kPuffin) return AddVector(std::move(shared));
  if (file.content == FileContent::kEqualityDeletes) return AddEquality(std::move(shared));
  if (auto scope = ScopeOf(file)) {
    scoped_positions_[*scope].push_back(std::move(shared));
  } else {
    partition_positions_[PartitionKey(file)].push_back(std::move(shared));
  }
  return Status::OK();
}

Status DeleteIndex::AddEquality(DeleteEntry entry) {
  const DataFile& file = entry->file;
  if (file.equality_ids.empty()) return Bad(file, "equality deletes without equality_ids");
  std::vector<int32_t> ids = file.equality_ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  // A delete written under an unpartitioned spec is global; one with a partition never reaches another, even if its
  // key says otherwise (databricks/iceberg-kafka-connect#318).
  EqualityGroups& groups =
      unpartitioned_specs_.contains(file.spec_id) ? global_equality_ : partition_equality_[PartitionKey(file)];
  auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& other) { return other->field_ids == ids; });
  if (group == groups.end()) {
    groups.push_back(std::make_shared<EqualityGroup>());
    group = groups.end() - 1;
    (*group)->field_ids = std::move(ids);
  }
  (*group)->sequence_number_max = std::max((*group)->sequence_number_max, *entry->sequence_number);
  (*group)->entries.push_back(std::move(entry));
  return Status::OK();
}

Status DeleteIndex::AddVector(DeleteEntry entry) {
  const DataFile& file = entry->file;
  if (file.content != FileContent::kPositionDeletes) return Bad(file, "a Puffin file of equality deletes");
  if (!file.referenced_data_file || !file.content_offset || !file.content_size_bytes) {
    return Bad(file, "a deletion vector without referenced_data_file, content_offset or content_size_in_bytes");
  }
  const auto [other, added] = vectors_.emplace(*file.referenced_data_file, entry);
  if (!added) {
    return Bad(file, "data file " + *file.referenced_data_file + " has a second deletion vector, in " +
                         other->second->file.file_path);
  }
  return Status::OK();
}

Result<FileDeletes> DeleteIndex::For(const ManifestEntry& data) const {
  FIRN_CHECK(data.sequence_number.has_value());
  const int64_t sequence_number = *data.sequence_number;
  const std::string& path = data.file.file_path;
  FileDeletes deletes;
  if (const auto found = vectors_.find(path); found != vectors_.end()) {
    deletes.vector = found->second;
    if (*deletes.vector->sequence_number < sequence_number) {
      return Bad(deletes.vector->file, "its deletion vector has sequence number " +
                                           std::to_string(*deletes.vector->sequence_number) + ", its data file " +
                                           path + " the larger " + std::to_string(sequence_number));
    }
  }
  auto& scoped = deletes.vector == nullptr ? deletes.positions : deletes.superseded;
  for (const DeleteEntry& entry : Find(scoped_positions_, path)) {
    if (*entry->sequence_number >= sequence_number) scoped.push_back(entry);
  }
  const std::string partition = PartitionKey(data.file);
  if (deletes.vector == nullptr) {
    for (const DeleteEntry& entry : Find(partition_positions_, partition)) {
      if (*entry->sequence_number >= sequence_number && MayDeleteFrom(entry->file, path)) {
        deletes.positions.push_back(entry);
      }
    }
  }
  // Strictly larger: rows of one commit are not deleted by its own equality deletes (materialize#36206).
  const auto take = [&](const EqualityGroups& groups) {
    for (const auto& group : groups) {
      if (group->sequence_number_max > sequence_number) deletes.equality.push_back(group);
    }
  };
  take(global_equality_);
  if (const auto found = partition_equality_.find(partition); found != partition_equality_.end()) take(found->second);
  return deletes;
}

}  // namespace firn::table
