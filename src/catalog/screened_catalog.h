#pragma once

#include <functional>
#include <memory>

#include "catalog/catalog.h"

namespace firn::catalog {

using ScreenTable = std::function<Status(const TableIdentifier&, const LoadedTable&)>;

/// A catalog that loads and renames only tables that `screen` lets pass: its error is what those calls return, with
/// nothing tried. Who commits to a table has loaded it. Everything else goes through. `screen` is called from any
/// thread.
std::unique_ptr<Catalog> MakeScreenedCatalog(std::unique_ptr<Catalog> catalog, ScreenTable screen);

}  // namespace firn::catalog
