#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "table/metadata/ids.h"
#include "table/metadata/metadata.h"

/// Manifest lists (Iceberg spec, "Manifest Lists"): an Avro file of manifest_file records, one list per snapshot.
namespace firn::table {

enum class ManifestContent { kData = 0, kDeletes = 1 };

/// What a manifest's partition values span, for one field of its spec.
struct FieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string> lower_bound;  // single-value serialisation; absent: all null or NaN
  std::optional<std::string> upper_bound;

  friend bool operator==(const FieldSummary&, const FieldSummary&) = default;
};

struct ManifestFile {
  std::string manifest_path;
  int64_t manifest_length = 0;
  int32_t partition_spec_id = 0;
  ManifestContent content = ManifestContent::kData;
  std::optional<int64_t> sequence_number;      // nullopt: not committed yet, the list writer assigns the snapshot's
  std::optional<int64_t> min_sequence_number;  // over live entries; nullopt as above
  SnapshotId added_snapshot_id;
  // Absent in some v1 lists: then unknown, to be treated as "may have some".
  std::optional<int32_t> added_files_count;
  std::optional<int32_t> existing_files_count;
  std::optional<int32_t> deleted_files_count;
  std::optional<int64_t> added_rows_count;
  std::optional<int64_t> existing_rows_count;
  std::optional<int64_t> deleted_rows_count;
  /// nullopt if the list has none; an unpartitioned table has an empty list. Kept apart: re-encoding an empty list as
  /// null is what broke other engines.
  std::optional<std::vector<FieldSummary>> partitions;
  std::optional<std::string> key_metadata;
  std::optional<int64_t> first_row_id;  // v3, data manifests: assigned by the first list that has it (AssignRowIds)

  /// False only if the list says that no added or existing file is in it.
  bool may_have_live_files() const {
    return !added_files_count || !existing_files_count || *added_files_count + *existing_files_count > 0;
  }
  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct ManifestListOptions {
  SnapshotId snapshot_id;
  std::optional<SnapshotId> parent_snapshot_id;
  int64_t sequence_number = 0;  // of the snapshot; assigned to manifests that have none
  int32_t format_version = 2;
  std::optional<int64_t> first_row_id;  // of the snapshot, v3
};

/// Encodes a manifest list. Keeps `partitions` as given (empty list stays an empty list). Errors: kBug if a manifest
/// without sequence number was not added by this snapshot, lacks a count, has no path or length, or has no row ids in
/// version 3; kConfig for a format version other than 2 and 3.
Result<std::string> EncodeManifestList(const ManifestListOptions& options, std::span<const ManifestFile> manifests);

/// Gives data manifests that have none their first row ids, from `next_row_id` on; each takes as many as it has added
/// and existing rows. Returns the next id (Iceberg spec, "Row ID Assignment"). Errors: kBadData if they are used up or
/// a manifest lacks its counts.
Result<int64_t> AssignRowIds(int64_t next_row_id, std::span<ManifestFile> manifests);

/// Decodes lists of v1, v2 and v3, in the shapes of all known writers (fields are found by id, then by name).
/// Missing sequence numbers read as 0 (v1). Errors: kBadData.
Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes);

}  // namespace firn::table
