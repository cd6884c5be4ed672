#pragma once

#include <string>
#include <vector>

#include "config/project.h"
#include "format/json/table_reader.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"

/// A load that replaces all rows takes the types of its own rows: what the column was before binds nobody. Pure.
namespace firn::pipeline {

/// Whether the types of an existing table are chosen anew by a load that replaces all its rows. Not where the table
/// promises something that inference would break: a contract that freezes or discards, required columns, defaults that
/// the configuration does not declare.
bool TakesTypesAnew(const config::TableConfig& config, const table::TableMetadata& base);

/// Hints that hold the types of columns that files are laid out by (partitions, sort orders) or that tell rows apart
/// (identifier): they are changed by hand. Paths that are hinted or masked already are left out.
std::vector<format::json::ColumnHint> LayoutHints(const table::TableMetadata& base,
                                                  const format::json::TableReaderOptions& options);

/// Names of the top-level columns of `table` that rows of `wanted` cannot have as they are: another type that is no
/// promotion, or a sibling column that they have no use for. `wanted`: with the table's names. Run columns and those
/// `added` by the merge stay.
std::vector<std::string> OutdatedColumns(const schema::Schema& table, const schema::Schema& wanted,
                                         const std::vector<schema::Field>& added, int32_t format_version);

}  // namespace firn::pipeline
