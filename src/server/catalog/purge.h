#pragma once

#include "server/catalog/endpoints.h"

namespace firn::server {

/// Removes the files of a table that the catalog lists no more: what its snapshots refer to (unless `gc.enabled` is
/// false: then others may share them), statistics and metadata files. Only files inside the allowed locations. What
/// cannot be removed is logged and stays.
void RemoveTableFiles(Backend& backend, const catalog::LoadedTable& table);

/// Removes one file if it is inside the allowed locations; logs if it stays.
void RemoveOwnFile(Backend& backend, const std::string& location);

}  // namespace firn::server
