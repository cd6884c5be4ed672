#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/registry.h"
#include "io/file_store.h"

/// A catalog in one SQLite file, in the layout of Iceberg's JDBC catalog (catalog/jdbc_rows.h), so that Java and
/// pyiceberg open it directly.
namespace firn::catalog::sqlite {

struct SqliteCatalogOptions {
  std::string path;           // of the database file, absolute; its folder is created
  std::string name = "firn";  // catalog_name
  std::string warehouse;      // absolute path or location; tables go to <its URI>/<namespace>/<table>
  int64_t busy_timeout_ms = 10'000;
  bool create_if_missing = true;
  std::string vfs;  // SQLite VFS; empty: the default. Tests put a faulty one there
};

/// Opens the catalog, creating file and tables if need be. `files` and `clock` outlive it.
/// Errors: kConfig (not a database, another layout, folder not writable, missing and not to be created).
Result<std::unique_ptr<Catalog>> OpenSqliteCatalog(SqliteCatalogOptions options, io::FileStore& files,
                                                   const Clock& clock);

CatalogKind Kind();

}  // namespace firn::catalog::sqlite
