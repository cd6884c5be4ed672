#include "table/commit/snapshot_summary.h"

#include <charconv>
#include <optional>

namespace firn::table {
namespace {

std::optional<int64_t> Total(const Snapshot* parent, const std::string& key) {
  if (parent == nullptr) return 0;
  const auto found = parent->summary.find(key);
  if (found == parent->summary.end()) return std::nullopt;
  int64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

void SnapshotSummary::Count(const DataFile& file, Counts& counts) {
  counts.bytes += file.content_size_bytes.value_or(file.file_size_bytes);
  if (file.content == FileContent::kData) {
    ++counts.data_files;
    counts.records += file.record_count;
    return;
  }
  ++counts.delete_files;
  if (file.content == FileContent::kEqualityDeletes) {
    ++counts.equality_delete_files;
    counts.equality_deletes += file.record_count;
    return;
  }
  ++(file.file_format == FileFormat::kPuffin ? counts.deletion_vectors : counts.position_delete_files);
  counts.position_deletes += file.record_count;
}

void SnapshotSummary::Partition(const DataFile& file) {
  std::string key = std::to_string(file.spec_id);
  for (const Literal& value : file.partition) {
    const std::string bytes = value.is_null() ? "" : ToSingleValue(value);
    key += (value.is_null() ? "/n" : "/v") + std::to_string(bytes.size()) + ":" + bytes;
  }
  partitions_.insert(std::move(key));
}

void SnapshotSummary::Add(const DataFile& file) {
  Count(file, added_);
  Partition(file);
}

void SnapshotSummary::Remove(const DataFile& file) {
  Count(file, removed_);
  Partition(file);
}

std::map<std::string, std::string> SnapshotSummary::Write(const Snapshot* parent) const {
  std::map<std::string, std::string> summary;
  const auto put = [&](const char* key, int64_t value) {
    if (value != 0) summary[key] = std::to_string(value);
  };
  put("added-data-files", added_.data_files);
  put("deleted-data-files", removed_.data_files);
  put("added-records", added_.records);
  put("deleted-records", removed_.records);
  put("added-files-size", added_.bytes);
  put("removed-files-size", removed_.bytes);
  put("added-delete-files", added_.delete_files);
  put("removed-delete-files", removed_.delete_files);
  put("added-position-delete-files", added_.position_delete_files);
  put("removed-position-delete-files", removed_.position_delete_files);
  put("added-equality-delete-files", added_.equality_delete_files);
  put("removed-equality-delete-files", removed_.equality_delete_files);
  put("added-dvs", added_.deletion_vectors);
  put("removed-dvs", removed_.deletion_vectors);
  put("added-position-deletes", added_.position_deletes);
  put("removed-position-deletes", removed_.position_deletes);
  put("added-equality-deletes", added_.equality_deletes);
  put("removed-equality-deletes", removed_.equality_deletes);
  summary["changed-partition-count"] = std::to_string(partitions_.size());

  const auto total = [&](const char* key, int64_t added, int64_t removed) {
    const auto before = Total(parent, key);
    if (before) summary[key] = std::to_string(*before + added - removed);
  };
  total("total-data-files", added_.data_files, removed_.data_files);
  total("total-records", added_.records, removed_.records);
  total("total-files-size", added_.bytes, removed_.bytes);
  total("total-delete-files", added_.delete_files, removed_.delete_files);
  total("total-position-deletes", added_.position_deletes, removed_.position_deletes);
  total("total-equality-deletes", added_.equality_deletes, removed_.equality_deletes);
  return summary;
}

}  // namespace firn::table
