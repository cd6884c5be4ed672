#pragma once

#include <cstdint>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "table/metadata/metadata.h"

namespace firn::table {

/// Returns the partition specs, but for the default one, that no manifest of any snapshot has. Reads the manifest lists
/// of all snapshots. Errors: of the file store; kBadData.
Result<std::vector<int32_t>> FindUnusedSpecs(io::FileStore& files, const TableMetadata& metadata);

/// Takes such specs out of the table, as a commit of its own. A column that only they are made of can be dropped then:
/// while they are there, some engines cannot read the table without it. Returns how many. Errors: as above; of
/// CommitRefs.
Result<int64_t> RemoveUnusedSpecs(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock,
                                  const catalog::TableIdentifier& identifier, std::stop_token stop);

}  // namespace firn::table
