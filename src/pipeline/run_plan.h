#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "config/project.h"

/// Which tables a run touches and in which groups they commit. Pure functions of the project.
namespace firn::pipeline {

/// A table that shares its fate with its relatives: parent first, then children, in file order.
struct CommitGroup {
  const config::PipelineConfig* pipeline = nullptr;
  std::vector<const config::TableConfig*> tables;
};

/// Returns the groups of the selected tables, in file order. `select`: empty for all, else names of tables ("orders",
/// "shop.orders") or pipelines; selecting a member selects its whole group, because children are only asked of parents
/// read in the same run. The groups borrow from the project.
/// Errors: kConfig for a name that selects nothing, with the names there are.
Result<std::vector<CommitGroup>> PlanGroups(const config::Project& project, const std::vector<std::string>& select);

/// "shop.orders": the table of the lake, with the dataset's levels.
catalog::TableIdentifier IdentifierOf(const config::PipelineConfig& pipeline, const config::TableConfig& table);

/// The name of the stream that feeds the table: "shop/orders". Part of the token in the table.
std::string StreamIdOf(const config::PipelineConfig& pipeline, const config::TableConfig& table);

/// What may not change under a live position: cursor, request, key, paging. A short hash, kept in the stream's state.
std::string FingerprintOf(const config::PipelineConfig& pipeline, const config::TableConfig& table);

}  // namespace firn::pipeline
