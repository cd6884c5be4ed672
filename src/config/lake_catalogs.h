#pragma once

#include <vector>

#include "config/descriptor.h"
#include "config/lake_config.h"

/// The fields of `lake: {catalog: …}` for the catalogs that are no REST server (those: rest_catalog.h).
namespace firn::config {

Variant SqliteCatalogVariant();
Variant PostgresCatalogVariant();
Variant GlueCatalogVariant();
Variant HadoopCatalogVariant();

/// `catalog`: a checked object of the variant.
PostgresCatalogConfig LowerPostgresCatalog(const ObjectView& catalog);
GlueCatalogConfig LowerGlueCatalog(const ObjectView& catalog);
/// What a served catalog hands out; of the sqlite and postgres variants.
VendConfig LowerVend(const ObjectView& catalog);

}  // namespace firn::config
