#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "table/metadata/metadata.h"

/// Branches that run ahead of main until they are published. Pure.
namespace firn::table {

/// Where loads with `publish: audit` go.
inline constexpr char kAuditBranch[] = "firn_audit";

enum class BranchPlace {
  kAbsent,
  kAhead,      // main is an ancestor: publishing is a fast-forward
  kPublished,  // main holds all of it
  kDiverged,   // each has snapshots that the other lacks
};
BranchPlace PlaceOf(const TableMetadata& metadata, std::string_view branch);

/// Returns the table as a writer of `branch` sees it: its current snapshot is the head of the branch while that is
/// ahead, else that of main, where the branch begins. Everything else (refs, properties) is as in `metadata`, so the
/// view is for planning and judging, never to be stored. `main`: the metadata itself.
/// Errors: kConfig E0910 if the branch has diverged.
/// `table`: its name, for the next command of the error.
Result<std::shared_ptr<const TableMetadata>> ViewOfBranch(std::shared_ptr<const TableMetadata> metadata,
                                                          std::string_view branch, const std::string& table = "TABLE");

/// Errors: kConfig E0916 if loads wait on the audit branch: a commit on main would part the two.
Status CheckNothingUnpublished(const TableMetadata& metadata, const std::string& table = "TABLE");

}  // namespace firn::table
