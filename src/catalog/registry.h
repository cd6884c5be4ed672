#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/administration.h"
#include "catalog/catalog.h"
#include "config/lake_config.h"
#include "io/file_store.h"
#include "io/object_settings.h"
#include "io/storage_keys.h"

namespace firn::catalog {

/// Credentials of an object store that a catalog handed out. Secret.
struct StoreCredentials {
  io::ObjectStoreSettings settings;  // keys; endpoint, region and path style where the catalog names them
  int64_t expires_ms = 0;            // since 1970; 0: never
};
using VendedCredentials = std::function<Result<StoreCredentials>()>;

/// What every catalog is given; outlives it.
struct CatalogContext {
  io::FileStore& files;
  const Clock& clock;
  /// False for commands that only look: nothing is created, a missing catalog is an error kConfig.
  bool create_if_missing = true;
  /// The keys of the lake's storage settings, else of the provider's chain. Null: there are none here.
  io::AwsKeySource aws_keys = {};
  /// Called when the catalog hands out credentials for the files below a location; `current` returns what they are
  /// now, asking the catalog again before they expire. More than once for a location. Null: they are not wanted.
  std::function<void(const std::string& location, VendedCredentials current)> offer_credentials = {};
};

using OpenCatalog = std::function<Result<std::unique_ptr<Catalog>>(const config::LakeConfig&, const CatalogContext&)>;

/// The catalog was opened before.
using OpenAdministration =
    std::function<Result<std::unique_ptr<Administration>>(const config::LakeConfig&, const CatalogContext&)>;

struct CatalogKind {
  std::string name;
  OpenCatalog open;                             // does I/O
  OpenAdministration open_administration = {};  // the same; null: this kind has none
};

/// The kinds of catalogs of this build. Made and filled in main; read by any thread afterwards.
class CatalogRegistry {
 public:
  /// Errors: kBug if the name is taken.
  Status Add(config::CatalogType type, CatalogKind kind);
  /// Opens the catalog a lake is configured with. Errors: kConfig if this build has no such kind; those of the kind.
  Result<std::unique_ptr<Catalog>> Open(const config::LakeConfig& lake, const CatalogContext& context) const;
  /// Opens the administration of a catalog that Open has opened. Errors: kConfig if the kind has none; those of the
  /// kind.
  Result<std::unique_ptr<Administration>> OpenAdministration(const config::LakeConfig& lake,
                                                             const CatalogContext& context) const;

 private:
  std::map<config::CatalogType, CatalogKind> kinds_;
};

/// builtin.cc: one line per kind, sorted.
Status RegisterBuiltinCatalogs(CatalogRegistry& registry);

}  // namespace firn::catalog
