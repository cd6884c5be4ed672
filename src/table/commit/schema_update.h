#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"
#include "table/metadata/update.h"

/// Evolves table schemas and partition specs to what rows and configuration need (spec, "Schema Evolution", "Partition
/// Evolution"). Pure.
namespace firn::table {

/// Returns the schema with field ids numbered from 1: the fields of a struct first, then what is nested in them (as the
/// reference implementation does). `identifier_field_ids` are kept in terms of the new ids.
schema::Schema AssignFreshIds(const schema::Schema& schema);

struct SchemaEvolution {
  SchemaPtr schema;  // with ids; the current one if nothing changes
  bool changed = false;
  std::map<std::string, std::string> properties;  // to be set with it
  std::vector<TableUpdate> updates;  // add-schema, set-current-schema, set-properties; empty if nothing changes
};

/// Numbers the fields from `last_id` + 1, as AssignFreshIds does.
void AssignIds(std::vector<schema::Field>& fields, int32_t& last_id);

struct SpecEvolution {
  PartitionSpec spec;    // with its id and field ids: what files are written by
  bool changed = false;  // false: it is the default already
};
/// The default spec after these fields (whose ids are 0) became it: an equal spec is used again, a field (source,
/// transform) of any spec keeps its id, a name that another field has gets a suffix. `schema`: of the table then.
/// Errors: as ApplyUpdates.
Result<SpecEvolution> EvolveSpec(const TableMetadata& base, const SchemaPtr& schema, PartitionSpec wanted);

/// Makes room for rows of `wanted`, whose fields are matched by name at each depth (its ids are ignored): adds fields
/// (optional, at the end of their struct, with ids never used before), promotes types, makes required fields optional
/// that `wanted` lacks or has as optional. A field that `wanted` lacks stays; a type that the table's can already hold
/// (int into long) stays. Errors: kContract naming the path for any other difference.
Result<SchemaEvolution> EvolveSchema(const TableMetadata& base, const schema::Schema& wanted);

}  // namespace firn::table
