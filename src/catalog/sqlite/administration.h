#pragma once

#include <memory>

#include "catalog/administration.h"
#include "catalog/sqlite/catalog.h"

namespace firn::catalog::sqlite {

/// Opens the administration of a catalog that OpenSqliteCatalog has opened before; a connection of its own.
/// Errors: kConfig (no such catalog).
Result<std::unique_ptr<Administration>> OpenSqliteAdministration(const SqliteCatalogOptions& options);

}  // namespace firn::catalog::sqlite
