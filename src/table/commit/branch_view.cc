#include "table/commit/branch_view.h"

#include <algorithm>
#include <utility>

#include "table/commit/ancestry.h"

namespace firn::table {
namespace {

bool IsAncestor(const TableMetadata& metadata, SnapshotId ancestor, SnapshotId head) {
  const Ancestry ancestry = AncestryOf(metadata, head);
  return std::ranges::any_of(ancestry.snapshots,
                             [&](const Snapshot* snapshot) { return snapshot->snapshot_id == ancestor; });
}

}  // namespace

BranchPlace PlaceOf(const TableMetadata& metadata, std::string_view branch) {
  const auto ref = metadata.refs.find(std::string(branch));
  if (ref == metadata.refs.end() || ref->second.type != SnapshotRef::Type::kBranch) return BranchPlace::kAbsent;
  const SnapshotId head = ref->second.snapshot_id;
  if (!metadata.current_snapshot_id) return BranchPlace::kAhead;
  const SnapshotId main = *metadata.current_snapshot_id;
  if (IsAncestor(metadata, head, main)) return BranchPlace::kPublished;
  return IsAncestor(metadata, main, head) ? BranchPlace::kAhead : BranchPlace::kDiverged;
}

Result<std::shared_ptr<const TableMetadata>> ViewOfBranch(std::shared_ptr<const TableMetadata> metadata,
                                                          std::string_view branch, const std::string& table) {
  if (branch == kMainBranch) return metadata;
  switch (PlaceOf(*metadata, branch)) {
    case BranchPlace::kAbsent:
    case BranchPlace::kPublished:
      return metadata;
    case BranchPlace::kAhead: {
      auto view = std::make_shared<TableMetadata>(*metadata);
      view->current_snapshot_id = metadata->refs.at(std::string(branch)).snapshot_id;
      return view;
    }
    case BranchPlace::kDiverged:
      break;
  }
  return MakeError(Fault::kConfig,
                   "branch " + std::string(branch) + " and main have parted, so it cannot be continued or published",
                   {.code = "E0910",
                    .why = "main was changed by somebody else after the branch began",
                    .state = "nothing was changed; main does not hold the rows of the branch",
                    .next = "firn table discard " + table + ", then firn run: it reads those rows again"});
}

Status CheckNothingUnpublished(const TableMetadata& metadata, const std::string& table) {
  if (PlaceOf(metadata, kAuditBranch) != BranchPlace::kAhead) return Status::OK();
  return MakeError(Fault::kConfig, "loads wait on the branch " + std::string(kAuditBranch) + " to be published",
                   {.code = "E0916",
                    .why = "a commit on main would part main and the branch",
                    .state = "nothing was changed",
                    .next = "firn table publish " + table + ", or firn table discard " + table});
}

}  // namespace firn::table
