#pragma once

#include "config/descriptor.h"
#include "config/lake_config.h"

namespace firn::config {

/// The fields of `lake: {catalog: {type: rest, …}}`.
Variant RestCatalogVariant();
/// `catalog`: a checked object of that variant.
RestCatalogConfig LowerRestCatalog(const ObjectView& catalog);

}  // namespace firn::config
