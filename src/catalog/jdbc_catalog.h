#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/administration.h"
#include "catalog/catalog.h"
#include "catalog/sql_connection.h"
#include "io/file_store.h"

/// A catalog in a database, in the layout of Iceberg's JDBC catalog (jdbc_rows.h). Several tables change in one
/// transaction. What a kind of database adds to it (catalog/sqlite, catalog/postgres) is a SqlDatabase.
namespace firn::catalog {

struct JdbcCatalogOptions {
  std::string name = "firn";     // catalog_name
  std::string warehouse;         // absolute path or location; tables go to <its URI>/<namespace>/<table>
  bool create_layout = true;     // makes the tables of the layout if they are missing
  bool may_commit_late = false;  // CatalogTraits: a server may end the transaction of a client that has died
};

/// `files` and `clock` outlive it. Commit: kConflict also if the database cannot be reached before the swap (nothing
/// was changed then); an unknown end of a transaction is looked after before kUnknown is answered. Errors: those of
/// connecting; kConfig if there is no layout.
Result<std::unique_ptr<Catalog>> OpenJdbcCatalog(std::unique_ptr<SqlDatabase> database, JdbcCatalogOptions options,
                                                 io::FileStore& files, const Clock& clock);

/// The administration of a catalog that has been opened before; a connection of its own. Errors: kConfig (no layout).
Result<std::unique_ptr<Administration>> OpenJdbcAdministration(std::unique_ptr<SqlDatabase> database, std::string name);

}  // namespace firn::catalog
