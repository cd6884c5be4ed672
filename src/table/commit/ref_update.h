#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "table/metadata/metadata.h"
#include "table/metadata/requirement.h"
#include "table/metadata/update.h"

/// Changes of branches and tags. A ref that firn's streams follow (main) never moves without their positions: the
/// mirrors of the tokens move in the same commit (decision 0003).
namespace firn::table {

/// One table's share of a change of refs. The table's uuid is always required as well.
struct RefChange {
  std::vector<TableRequirement> requirements;
  std::vector<TableUpdate> updates;
  bool moves_forward = false;  // refs only move to descendants: found further on, they have been moved
};

/// The plans below are pure. Errors: kConfig, codes E0907 (no such ref), E0908 (name taken or not usable), E0909 (no
/// fast-forward), E0910 (diverged), E0914 (no ancestor), E0915 (positions unknown).

/// Makes a branch or tag. Errors: E0908 also if it exists.
Result<RefChange> PlanCreateRef(const TableMetadata& metadata, const std::string& name, const SnapshotRef& ref);
/// Errors: E0907 if there is no ref of that name and type; E0908 for main.
Result<RefChange> PlanDropRef(const TableMetadata& metadata, const std::string& name, SnapshotRef::Type type);
/// Moves a branch to a descendant of its head. Of main, the streams go to where they stand there.
Result<RefChange> PlanFastForward(const TableMetadata& metadata, const std::string& branch, SnapshotId to);

/// Makes an older snapshot the current one, and the streams stand where they stood then: what was read since is read
/// again. `any`: also a snapshot that is no ancestor of main (to undo a rollback). Errors: kConflict if main is not
/// `seen` any more, because somebody wrote since the caller looked.
struct RollbackRequest {
  SnapshotId to;
  std::optional<SnapshotId> seen;  // main's head when the caller decided
  bool any = false;
};
Result<RefChange> PlanRollback(const TableMetadata& metadata, const RollbackRequest& request);

/// Makes the head of `branch` main's and removes the branch.
Result<RefChange> PlanPublish(const TableMetadata& metadata, const std::string& branch);

/// The properties that make the mirrors of all streams say where they stand at `head`. Errors: E0915.
Result<std::vector<TableUpdate>> MirrorsAt(const TableMetadata& metadata, SnapshotId head);

/// The newest ancestor of main (or main) that is not younger, or null.
const Snapshot* AncestorAsOf(const TableMetadata& metadata, Timestamp time);

/// `time`, or the end of the commit to several tables that it falls into: all snapshots of a commit have one time now,
/// but those that older versions made lie some milliseconds apart. `tables`: in the order in which commits list them.
Timestamp EndOfCommit(std::span<const TableMetadata* const> tables, Timestamp time);

struct RefContext {
  catalog::Catalog& catalog;
  const Clock& clock;
};
/// Plans on what the table is now; called once per attempt. nullopt: nothing is left to do.
using RefPlan = std::function<Result<std::optional<RefChange>>(const catalog::TableIdentifier& identifier,
                                                               const catalog::LoadedTable& table)>;

/// Commits the changes of all tables at once, planned again after each conflict; an unknown outcome is looked after
/// until it is answered. Returns the tables as they are then. Errors: those of the plan; kConfig if a table is missing;
/// kOutcomeUnknown, kUnreachable, kCancelled as Committer::Commit.
Result<std::vector<catalog::LoadedTable>> CommitRefs(const RefContext& context,
                                                     std::span<const catalog::TableIdentifier> tables,
                                                     const RefPlan& plan, std::stop_token stop);

}  // namespace firn::table
