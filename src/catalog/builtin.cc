#include "catalog/registry.h"
#include "catalog/sqlite/catalog.h"

namespace firn::catalog {

Status RegisterBuiltinCatalogs(CatalogRegistry& registry) {
  return registry.Add(config::CatalogType::kSqlite, sqlite::Kind());
}

}  // namespace firn::catalog
