#include "catalog/glue/catalog.h"
#include "catalog/hadoop/catalog.h"
#include "catalog/postgres/catalog.h"
#include "catalog/registry.h"
#include "catalog/rest/catalog.h"
#include "catalog/sqlite/catalog.h"

namespace firn::catalog {

Status RegisterBuiltinCatalogs(CatalogRegistry& registry) {
  ARROW_RETURN_NOT_OK(registry.Add(config::CatalogType::kGlue, glue::Kind()));
  ARROW_RETURN_NOT_OK(registry.Add(config::CatalogType::kHadoop, hadoop::Kind()));
  ARROW_RETURN_NOT_OK(registry.Add(config::CatalogType::kPostgres, postgres::Kind()));
  ARROW_RETURN_NOT_OK(registry.Add(config::CatalogType::kRest, rest::Kind()));
  return registry.Add(config::CatalogType::kSqlite, sqlite::Kind());
}

}  // namespace firn::catalog
