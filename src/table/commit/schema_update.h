#pragma once

#include <vector>

#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"
#include "table/metadata/update.h"

/// Evolves table schemas by the rules of Iceberg v2 (spec, "Schema Evolution"). Pure.
namespace firn::table {

/// Returns the schema with field ids numbered from 1: the fields of a struct first, then what is nested in them (as the
/// reference implementation does). `identifier_field_ids` are kept in terms of the new ids.
schema::Schema AssignFreshIds(const schema::Schema& schema);

struct SchemaEvolution {
  SchemaPtr schema;  // with ids; the current one if nothing changes
  bool changed = false;
  std::vector<TableUpdate> updates;  // add-schema, set-current-schema; empty if nothing changes
};

/// Makes room for rows of `wanted`, whose fields are matched by name at each depth (its ids are ignored): adds fields
/// (optional, at the end of their struct, with ids never used before), promotes types, makes required fields optional
/// that `wanted` lacks or has as optional. A field that `wanted` lacks stays; a type that the table's can already hold
/// (int into long) stays. Errors: kContract naming the path for any other difference.
Result<SchemaEvolution> EvolveSchema(const TableMetadata& base, const schema::Schema& wanted);

}  // namespace firn::table
