#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "io/file_store.h"

/// Files in a table's folders that nothing refers to.
namespace firn::table {

inline constexpr int64_t kOrphanAgeMsMin = int64_t{72} * 3'600'000;

struct Orphans {
  std::vector<io::FileInfo> files;  // by location
  int64_t bytes = 0;
  int64_t too_young = 0;  // unreferenced, but perhaps of a commit under way
};

/// Looks below <location>/data and <location>/metadata for files that are older than `age_ms_min` and that no metadata
/// file refers to which still exists in the table's folder, be it current or not. Left alone: files of runs that have a
/// staging record (garbage.h judges those), folders of other tables inside this one, what metadata files of other
/// tables in these folders refer to, everything outside. Locations are compared as paths, so that "file:/a",
/// "file:///a" and "/a" are one file. Errors: kConfig if another table has the same location, or one around it; if the
/// table's location and the listing cannot be compared; of reading any metadata or manifest that is still referred to.
/// Then nothing may be removed.
Result<Orphans> FindOrphans(catalog::Catalog& catalog, io::FileStore& files, const catalog::TableIdentifier& identifier,
                            const Clock& clock, int64_t age_ms_min);

/// Removes them. Returns how many bytes that freed; stops at the first error.
Result<int64_t> RemoveOrphans(io::FileStore& files, const Orphans& orphans);

}  // namespace firn::table
