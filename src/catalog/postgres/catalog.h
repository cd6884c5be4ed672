#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/administration.h"
#include "catalog/catalog.h"
#include "catalog/registry.h"
#include "io/file_store.h"

/// A catalog in a Postgres database (10 or newer), in the layout of Iceberg's JDBC catalog (catalog/jdbc_rows.h), so
/// that Java and pyiceberg open it directly. docs/decisions/0008-catalogs.md.
namespace firn::catalog::postgres {

struct PostgresCatalogOptions {
  std::string uri;            // see io::ParsePostgresTarget
  std::string password;       // if the uri has none
  std::string name = "firn";  // catalog_name
  std::string warehouse;      // absolute path or location; tables go to <its URI>/<namespace>/<table>
  bool create_if_missing = true;
  int64_t statement_ms = 30'000;  // deadline of one statement
  int64_t reconnect_ms = 30'000;  // how long a server that does not answer is tried again
  int64_t settle_ms = 30'000;     // how long the end of a cut commit is waited for
};

/// Opens the catalog, creating the tables of the layout if need be. `files` and `clock` outlive it.
/// Errors: kConfig (address, no such database, no layout), kAuth, kUnreachable.
Result<std::unique_ptr<Catalog>> OpenPostgresCatalog(PostgresCatalogOptions options, io::FileStore& files,
                                                     const Clock& clock);
/// Of a catalog that exists; a connection of its own.
Result<std::unique_ptr<Administration>> OpenPostgresAdministration(PostgresCatalogOptions options, const Clock& clock);

CatalogKind Kind();

}  // namespace firn::catalog::postgres
