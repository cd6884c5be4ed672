#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "config/lake_config.h"
#include "io/file_store.h"

namespace firn::catalog {

/// What every catalog is given; outlives it.
struct CatalogContext {
  io::FileStore& files;
  const Clock& clock;
  /// False for commands that only look: nothing is created, a missing catalog is an error kConfig.
  bool create_if_missing = true;
};

using OpenCatalog = std::function<Result<std::unique_ptr<Catalog>>(const config::LakeConfig&, const CatalogContext&)>;

struct CatalogKind {
  std::string name;
  OpenCatalog open;  // does I/O
};

/// The kinds of catalogs of this build. Made and filled in main; read by any thread afterwards.
class CatalogRegistry {
 public:
  /// Errors: kBug if the name is taken.
  Status Add(config::CatalogType type, CatalogKind kind);
  /// Opens the catalog a lake is configured with. Errors: kConfig if this build has no such kind; those of the kind.
  Result<std::unique_ptr<Catalog>> Open(const config::LakeConfig& lake, const CatalogContext& context) const;

 private:
  std::map<config::CatalogType, CatalogKind> kinds_;
};

/// builtin.cc: one line per kind, sorted.
Status RegisterBuiltinCatalogs(CatalogRegistry& registry);

}  // namespace firn::catalog
