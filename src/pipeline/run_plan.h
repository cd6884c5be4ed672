#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "config/project.h"
#include "io/raw_archive.h"
#include "pipeline/table_selection.h"
#include "source/registry.h"

/// Which tables a run touches and in which groups they commit. Pure functions of the project.
namespace firn::pipeline {

/// A table that shares its fate with its relatives: parent first, then children, in file order.
struct CommitGroup {
  const config::PipelineConfig* pipeline = nullptr;
  std::vector<const config::TableConfig*> tables;
};

/// Returns the groups of the selected tables, in file order. Selecting or excluding a member does so with its whole
/// group, because children are only asked of parents read in the same run. The groups borrow from the project.
/// Errors: kConfig for a word that means nothing, with the names there are.
Result<std::vector<CommitGroup>> PlanGroups(const config::Project& project, const TableSelection& selection);

/// "shop.orders": the table of the lake, with the dataset's levels.
catalog::TableIdentifier IdentifierOf(const config::PipelineConfig& pipeline, const config::TableConfig& table);

/// The name of the stream that feeds the table: "shop/orders". Part of the token in the table.
std::string StreamIdOf(const config::PipelineConfig& pipeline, const config::TableConfig& table);

/// Where a run archives the bodies that its rows of the table come from.
io::RawArchivePlace ArchivePlaceOf(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                                   const std::string& run);

/// The branch its loads go to: main, or firn_audit with `publish: audit`.
std::string BranchOf(const config::TableConfig& table);

/// What may not change under a live position: the source's identity, cursor, key, disposition. A short hash, kept in
/// the stream's state. Errors: kConfig for a type of source that is not registered.
Result<std::string> FingerprintOf(const source::SourceRegistry& sources, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table);

/// What to do when it changed (E0812), for people.
std::string NextOfOtherRequest(const config::TableConfig& table);

}  // namespace firn::pipeline
