#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"

namespace firn::table {

/// Writes a schema as Iceberg JSON: {"type":"struct","schema-id":…,"identifier-field-ids":[…],"fields":[…]}.
std::string WriteSchema(const schema::Schema& schema);
/// Errors: kBadData naming the place; kConfig for geometry and geography, which firn does not know.
Result<schema::Schema> ParseSchema(std::string_view json);

/// Writes only the array of fields, as the manifest key "partition-spec" wants it.
std::string WritePartitionFields(const PartitionSpec& spec);
/// Reads both the bare array of fields and an object {"spec-id", "fields"} (some writers put that into manifests).
/// `spec_id` is used for the bare array. Missing field ids are numbered from 1000 (v1). Errors: kBadData.
Result<PartitionSpec> ParsePartitionSpec(std::string_view json, int32_t spec_id);

/// The objects {"spec-id", "fields"} and {"order-id", "fields"} as in table metadata.
std::string WritePartitionSpec(const PartitionSpec& spec);
std::string WriteSortOrder(const SortOrder& order);
Result<SortOrder> ParseSortOrder(std::string_view json);

/// The object of a snapshot as in table metadata and in the update add-snapshot.
std::string WriteSnapshot(const Snapshot& snapshot);
Result<Snapshot> ParseSnapshot(std::string_view json);

}  // namespace firn::table
