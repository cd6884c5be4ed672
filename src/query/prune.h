#pragma once

#include <vector>

#include "query/sql_rewrite.h"
#include "table/metadata/metadata.h"
#include "table/scan/plan.h"

namespace firn::query {

/// Turns a query's conditions into what a scan can prune by. Left out, because the two sides would not mean the same:
/// unknown and nested columns, floating point (NaN is the greatest number to DuckDB and outside of Iceberg's bounds),
/// values that are not exactly of the column's type. `read`: the schema the query sees; values are typed by the current
/// schema of `metadata`, as PlanFiles wants them.
std::vector<table::Predicate> MakePredicates(const std::vector<Condition>& conditions, const schema::Schema& read,
                                             const table::TableMetadata& metadata);

}  // namespace firn::query
