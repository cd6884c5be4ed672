#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"
#include "table/metadata/metadata.h"

/// What must hold of the current metadata for a commit to be applied (REST catalog protocol, "TableRequirement").
namespace firn::table {

namespace requirement {

/// The table does not exist.
struct AssertCreate {};
struct AssertTableUuid {
  std::string uuid;
};
/// nullopt: the ref does not exist.
struct AssertRefSnapshotId {
  std::string ref;
  std::optional<SnapshotId> snapshot_id;
};
struct AssertLastAssignedFieldId {
  int32_t last_assigned_field_id = 0;
};
struct AssertCurrentSchemaId {
  int32_t current_schema_id = 0;
};
struct AssertLastAssignedPartitionId {
  int32_t last_assigned_partition_id = 0;
};
struct AssertDefaultSpecId {
  int32_t default_spec_id = 0;
};
struct AssertDefaultSortOrderId {
  int32_t default_sort_order_id = 0;
};

}  // namespace requirement

using TableRequirement = std::variant<requirement::AssertCreate, requirement::AssertTableUuid,
                                      requirement::AssertRefSnapshotId, requirement::AssertLastAssignedFieldId,
                                      requirement::AssertCurrentSchemaId, requirement::AssertLastAssignedPartitionId,
                                      requirement::AssertDefaultSpecId, requirement::AssertDefaultSortOrderId>;

/// `metadata` null: the table does not exist. Errors: kConflict with the message clients look for ("Requirement failed:
/// branch main has changed: expected id 1 != 2").
Status CheckRequirements(const TableMetadata* metadata, std::span<const TableRequirement> requirements);

/// JSON of one requirement: {"type":"assert-table-uuid","uuid":…}. Unknown types: kBadData (a server answers 400).
std::string WriteRequirement(const TableRequirement& requirement);
Result<TableRequirement> ParseRequirement(std::string_view json);

}  // namespace firn::table
