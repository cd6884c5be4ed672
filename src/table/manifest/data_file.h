#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "table/metadata/ids.h"
#include "table/metadata/literal.h"

namespace firn::table {

enum class FileContent { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };
enum class FileFormat { kParquet, kAvro, kOrc, kPuffin };

/// A data or delete file as a manifest lists it (Iceberg spec, "Manifests", struct data_file).
/// Maps go from field id to value; bounds are in single-value serialisation (literal.h).
struct DataFile {
  FileContent content = FileContent::kData;
  std::string file_path;  // compared byte for byte everywhere: written once, never re-formatted
  FileFormat file_format = FileFormat::kParquet;
  int32_t spec_id = 0;             // set by readers from the manifest; writers check it against the manifest's spec
  std::vector<Literal> partition;  // one per field of the spec, in spec order, of the transform's result type
  int64_t record_count = 0;
  int64_t file_size_bytes = 0;
  std::map<int32_t, int64_t> column_sizes;  // bytes on disk
  std::map<int32_t, int64_t> value_counts;  // with nulls and NaN
  std::map<int32_t, int64_t> null_value_counts;
  std::map<int32_t, int64_t> nan_value_counts;  // float and double columns
  std::map<int32_t, std::string> lower_bounds;
  std::map<int32_t, std::string> upper_bounds;
  std::optional<std::string> key_metadata;
  std::vector<int64_t> split_offsets;    // ascending file offsets of row groups
  std::vector<int32_t> equality_ids;     // equality deletes only
  std::optional<int32_t> sort_order_id;  // only if the rows really are sorted
  std::optional<int64_t> first_row_id;   // v3
  std::optional<std::string> referenced_data_file;
  std::optional<int64_t> content_offset;      // deletion vectors
  std::optional<int64_t> content_size_bytes;  // deletion vectors

  friend bool operator==(const DataFile&, const DataFile&) = default;
};

/// Names a live file of a snapshot: its path; of a deletion vector, which shares its Puffin file with others, its path,
/// "@" and its offset.
std::string FileKeyOf(const DataFile& file);

enum class EntryStatus { kExisting = 0, kAdded = 1, kDeleted = 2 };

/// A line of a manifest. From a reader, the ids and sequence numbers are always set (inherited where null in the file).
struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<SnapshotId> snapshot_id;        // that added, or deleted, the file
  std::optional<int64_t> sequence_number;       // data sequence number
  std::optional<int64_t> file_sequence_number;  // of the snapshot that added the file
  DataFile file;

  bool live() const { return status != EntryStatus::kDeleted; }
  friend bool operator==(const ManifestEntry&, const ManifestEntry&) = default;
};

}  // namespace firn::table
