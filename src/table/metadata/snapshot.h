#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "table/metadata/ids.h"

namespace firn::table {

/// One state of a table (Iceberg spec, "Snapshots").
struct Snapshot {
  SnapshotId snapshot_id;
  std::optional<SnapshotId> parent_snapshot_id;
  int64_t sequence_number = 0;  // 0 in v1 tables
  int64_t timestamp_ms = 0;
  std::string manifest_list;                   // location of the manifest list; empty in v1 tables with `manifests`
  std::map<std::string, std::string> summary;  // "operation" is required: append | replace | overwrite | delete
  std::optional<int32_t> schema_id;
  std::optional<int64_t> first_row_id;  // v3
  std::optional<int64_t> added_rows;    // v3
  /// Keys we do not know → JSON text, written back as read.
  std::map<std::string, std::string> other;

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

/// A branch or tag. `main` is always a branch.
struct SnapshotRef {
  enum class Type { kBranch, kTag };
  SnapshotId snapshot_id;
  Type type = Type::kBranch;
  std::optional<int32_t> min_snapshots_to_keep;  // branches only
  std::optional<int64_t> max_snapshot_age_ms;    // branches only
  std::optional<int64_t> max_ref_age_ms;

  friend bool operator==(const SnapshotRef&, const SnapshotRef&) = default;
};

inline constexpr char kMainBranch[] = "main";

/// `snapshot_id` became the table's current snapshot at that time.
struct SnapshotLogEntry {
  int64_t timestamp_ms = 0;
  SnapshotId snapshot_id;

  friend bool operator==(const SnapshotLogEntry&, const SnapshotLogEntry&) = default;
};

/// A metadata file that was current until the next entry.
struct MetadataLogEntry {
  int64_t timestamp_ms = 0;
  std::string metadata_file;

  friend bool operator==(const MetadataLogEntry&, const MetadataLogEntry&) = default;
};

/// A Puffin or partition statistics file; never needed for correctness, kept as read.
struct StatisticsFile {
  SnapshotId snapshot_id;
  std::string json;  // the whole object

  friend bool operator==(const StatisticsFile&, const StatisticsFile&) = default;
};

}  // namespace firn::table
