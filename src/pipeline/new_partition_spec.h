#pragma once

#include "base/status.h"
#include "config/project.h"
#include "schema/type.h"
#include "table/metadata/partition_spec.h"

namespace firn::pipeline {

/// Returns the partition spec of a new table: `partition_by` of its configuration over the columns of `schema`, which
/// has ids. Errors: kConfig E0821 for a column that no row has.
Result<table::PartitionSpec> NewPartitionSpec(const config::TableConfig& config, const schema::Schema& schema,
                                              const config::Project& project);

/// "day(created_at), id", or "none".
std::string PartitionText(const std::vector<config::PartitionConfig>& fields);

}  // namespace firn::pipeline
