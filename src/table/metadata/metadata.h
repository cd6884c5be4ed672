#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/ids.h"
#include "table/metadata/partition_spec.h"
#include "table/metadata/snapshot.h"
#include "table/metadata/snapshot_list.h"

/// Table metadata (Iceberg spec, "Table Metadata Fields"): a value. Changed only by ApplyUpdates (update.h).
namespace firn::table {

using SchemaPtr = std::shared_ptr<const schema::Schema>;

struct TableMetadata {
  int32_t format_version = 2;
  std::string table_uuid;  // as written; empty only in old v1 tables
  std::string location;    // without a trailing slash
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  std::vector<SchemaPtr> schemas;
  int32_t current_schema_id = 0;
  std::vector<PartitionSpec> partition_specs;
  int32_t default_spec_id = 0;
  int32_t last_partition_id = kPartitionFieldIdBase;
  std::vector<SortOrder> sort_orders;
  int32_t default_sort_order_id = 0;
  std::map<std::string, std::string> properties;
  std::optional<SnapshotId> current_snapshot_id;  // equals refs["main"]
  SnapshotList snapshots;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::map<std::string, SnapshotRef> refs;
  std::vector<StatisticsFile> statistics;
  std::vector<StatisticsFile> partition_statistics;
  std::optional<int64_t> next_row_id;  // v3
  /// Top-level keys we do not know → JSON text, written back as read.
  std::map<std::string, std::string> other;

  /// The four below never fail on metadata from ParseMetadata or ApplyUpdates (both check the ids). Borrowed.
  const schema::Schema& schema() const;
  SchemaPtr schema_ptr() const;
  const PartitionSpec& default_spec() const;
  const SortOrder& default_sort_order() const;

  /// Each returns null if there is no such id. Borrowed from the metadata.
  SchemaPtr FindSchema(int32_t schema_id) const;
  const PartitionSpec* FindSpec(int32_t spec_id) const;
  const Snapshot* FindSnapshot(SnapshotId id) const;
  const Snapshot* CurrentSnapshot() const;
  /// The snapshot a branch or tag points at, or null.
  const Snapshot* FindRef(std::string_view name) const;
  /// The property's value, or `otherwise`.
  std::string Property(const std::string& name, std::string otherwise = "") const;
};

/// Returns the partition tuple of a spec, looking up each source column in the current schema, then in older ones (a
/// column may be dropped while old files are still partitioned by it). Errors: kBadData: unknown spec or column.
Result<std::vector<schema::Field>> PartitionFieldsOf(const TableMetadata& metadata, int32_t spec_id);

/// Returns a new random snapshot id: a random UUID's halves xored, made positive (as Java does).
SnapshotId NewSnapshotId();
/// Returns a random version-4 UUID in lower-case text.
std::string NewUuid();

}  // namespace firn::table
