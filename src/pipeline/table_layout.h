#pragma once

#include <string_view>

#include "base/status.h"
#include "config/project.h"
#include "schema/type.h"
#include "table/commit/committer.h"
#include "table/write/file_layout.h"

namespace firn::pipeline {

/// How the files of a load are written, and what its commit changes of the table so that others write them alike.
struct TableLayout {
  table::FileLayout files;
  table::LayoutChange change;
};

/// Puts the configuration over what the table says. `base`: null for a table to be created. `schema`: of the rows, with
/// ids. Errors: kConfig E0890 for a sort column that no row has, E0891 for one whose values have no order that all
/// engines share.
Result<TableLayout> LayoutOfLoad(const config::TableConfig& config, const table::TableMetadata* base,
                                 const schema::Schema& schema, const config::Project& project);

/// Reads "created_at desc, bucket(4, id)" or "zorder(a, b)" over the columns of a table. An order that the table knows
/// has its id, another none. Errors: kConfig naming what cannot be read, or no column.
Result<table::RowOrder> ParseRowOrder(std::string_view text, const table::TableMetadata& metadata);

/// Returns the Iceberg transform of a partition or sort key.
table::Transform TransformOf(const config::PartitionConfig& key);

}  // namespace firn::pipeline
