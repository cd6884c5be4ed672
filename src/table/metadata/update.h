#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "table/metadata/metadata.h"

/// Changes of table metadata in the vocabulary of the REST catalog protocol (rest-catalog-open-api.yaml,
/// "TableUpdate").
namespace firn::table {

/// As a schema, spec or sort order id: "the one added last in this list of updates".
inline constexpr int32_t kLastAdded = -1;

namespace update {

struct AssignUuid {
  std::string uuid;
};
struct UpgradeFormatVersion {
  int32_t format_version = 2;
};
/// The schema's own id is ignored: an equal schema keeps its id, another gets the next free one.
struct AddSchema {
  SchemaPtr schema;
};
struct SetCurrentSchema {
  int32_t schema_id = kLastAdded;
};
/// Field ids 0 are assigned: reused from an equal field (source, transform) of any spec, else the next free one.
struct AddSpec {
  PartitionSpec spec;
};
struct SetDefaultSpec {
  int32_t spec_id = kLastAdded;
};
struct AddSortOrder {
  SortOrder order;
};
struct SetDefaultSortOrder {
  int32_t order_id = kLastAdded;
};
struct AddSnapshot {
  Snapshot snapshot;
};
struct SetSnapshotRef {
  std::string name;
  SnapshotRef ref;
};
struct RemoveSnapshots {
  std::vector<SnapshotId> snapshot_ids;
};
struct RemoveSnapshotRef {
  std::string name;
};
struct SetLocation {
  std::string location;
};
struct SetProperties {
  std::map<std::string, std::string> updates;
};
struct RemoveProperties {
  std::vector<std::string> removals;
};
struct SetStatistics {
  StatisticsFile statistics;
};
struct RemoveStatistics {
  SnapshotId snapshot_id;
};
struct SetPartitionStatistics {
  StatisticsFile statistics;
};
struct RemovePartitionStatistics {
  SnapshotId snapshot_id;
};
struct RemovePartitionSpecs {
  std::vector<int32_t> spec_ids;
};
struct RemoveSchemas {
  std::vector<int32_t> schema_ids;
};

}  // namespace update

using TableUpdate =
    std::variant<update::AssignUuid, update::UpgradeFormatVersion, update::AddSchema, update::SetCurrentSchema,
                 update::AddSpec, update::SetDefaultSpec, update::AddSortOrder, update::SetDefaultSortOrder,
                 update::AddSnapshot, update::SetSnapshotRef, update::RemoveSnapshots, update::RemoveSnapshotRef,
                 update::SetLocation, update::SetProperties, update::RemoveProperties, update::SetStatistics,
                 update::RemoveStatistics, update::SetPartitionStatistics, update::RemovePartitionStatistics,
                 update::RemovePartitionSpecs, update::RemoveSchemas>;

struct ApplyOptions {
  int64_t now_ms = 0;  // wall clock; the result's last-updated-ms is max(now_ms, base's)
  /// Where `base` is stored. Not empty: it is appended to the metadata log, which is capped by the table property
  /// write.metadata.previous-versions-max (default 100).
  std::string base_metadata_location;
};

/// Applies updates in order; pure. `base` null: a new table, which must get at least a location, a current schema, a
/// default spec and a default sort order (a missing UUID is generated, a missing sort order is "unsorted").
/// Maintains snapshot-log, metadata-log, refs, current-snapshot-id, last-sequence-number, last-column-id,
/// last-partition-id. Removing a snapshot removes refs to it, its statistics, and every snapshot-log entry up to and
/// including it. Errors: kBadData naming the update that does not fit; kConflict for a sequence number (or v3 row id)
/// that is behind the table.
Result<TableMetadata> ApplyUpdates(const TableMetadata* base, std::span<const TableUpdate> updates,
                                   const ApplyOptions& options);

/// Returns the metadata files in `before`'s log that `after`'s log no longer names (to be deleted after the commit if
/// the table property write.metadata.delete-after-commit.enabled says so).
std::vector<std::string> RetiredMetadataFiles(const TableMetadata& before, const TableMetadata& after);

/// JSON of one update: {"action":"add-snapshot",…}. Unknown actions: kBadData (a server answers 400).
std::string WriteUpdate(const TableUpdate& update);
Result<TableUpdate> ParseUpdate(std::string_view json);

}  // namespace firn::table
