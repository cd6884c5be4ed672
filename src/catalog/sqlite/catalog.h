#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/registry.h"
#include "io/file_store.h"

/// A catalog in one SQLite file, in the layout of Iceberg's JDBC catalog (schema version 1; version 0 is read and
/// written as found), so that Java and pyiceberg open it directly.
///   iceberg_tables(catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location,
///                  iceberg_type)              primary key: the first three
///   iceberg_namespace_properties(catalog_name, namespace, property_key, property_value)
/// Levels of a namespace are joined with ".". Views (iceberg_type VIEW) are left alone.
namespace firn::catalog::sqlite {

struct SqliteCatalogOptions {
  std::string path;           // of the database file, absolute; its folder is created
  std::string name = "firn";  // catalog_name
  std::string warehouse;      // absolute path; tables go to file://<warehouse>/<namespace>/<table>
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
