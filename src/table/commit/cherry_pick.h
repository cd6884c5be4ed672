#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "table/commit/ref_update.h"

/// Commits on main that bring no new files: rows that a snapshot has already, or none.
namespace firn::table {

struct Picked {
  catalog::LoadedTable table;
  SnapshotId snapshot_id;     // on main: the snapshot itself if main was its parent, else a new one
  bool fast_forward = false;  // main moved to the snapshot itself
  int64_t rows = 0;           // added
};

/// Puts the rows that `source` added on main, as Iceberg's cherry-pick does: a snapshot whose parent is main becomes
/// main, whatever it did; else its added files are appended in a new snapshot. Commits of firn's streams move the
/// streams along, so they are taken only where they continue them. `run`: a new id, part of the names of files.
/// Errors: kConfig E0913 for a snapshot that is on main, was picked before, is no append, or whose rows belong to a
/// stream that stands elsewhere; E0706; of CommitRefs.
Result<Picked> CherryPick(const RefContext& context, io::FileStore& files, const catalog::TableIdentifier& identifier,
                          SnapshotId source, const std::string& run, std::stop_token stop);

/// PlanRollback for one table, but the streams stay where they are, in a new snapshot without files on `request.to`:
/// what is removed is not read again. Errors: as PlanRollback; of CommitRefs.
Result<catalog::LoadedTable> RollbackKeepingPositions(const RefContext& context, io::FileStore& files,
                                                      const catalog::TableIdentifier& identifier,
                                                      const RollbackRequest& request, const std::string& run,
                                                      std::stop_token stop);

}  // namespace firn::table
