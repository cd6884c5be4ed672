#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "table/commit/branch_view.h"
#include "table/commit/ref_update.h"

/// Write-audit-publish: what is on the branch firn_audit of tables that were committed together.
namespace firn::table {

/// Summary key of snapshots on the branch: the tables of the commit, as WriteTableList says. Absent: it is one table.
inline constexpr char kAuditTablesKey[] = "firn.audit.tables";
std::string WriteTableList(std::span<const catalog::TableIdentifier> tables);

/// `identifier` and the tables that were committed to the branch together with it and are not published either.
/// Errors: kConfig E0907 if it has no such branch; of LoadTable.
Result<std::vector<catalog::TableIdentifier>> UnpublishedWith(catalog::Catalog& catalog,
                                                              const catalog::TableIdentifier& identifier);

/// Makes the branches main, all in one commit. Tables without the branch are left as they are. Errors: of CommitRefs
/// and PlanPublish.
Result<std::vector<catalog::LoadedTable>> PublishBranches(const RefContext& context,
                                                          std::span<const catalog::TableIdentifier> tables,
                                                          std::stop_token stop);

/// Drops the branches, all in one commit: main never had their rows, and its streams read them again.
Result<std::vector<catalog::LoadedTable>> DiscardBranches(const RefContext& context,
                                                          std::span<const catalog::TableIdentifier> tables,
                                                          std::stop_token stop);

}  // namespace firn::table
