#pragma once

#include <functional>
#include <memory>

#include "base/status.h"
#include "catalog/catalog.h"

namespace firn::catalog {

/// A catalog whose commits are made only while `check` says so; its error is what Commit returns, with nothing tried.
/// Everything else goes through. `check` is called from the committing threads.
std::unique_ptr<Catalog> MakeCheckedCatalog(std::unique_ptr<Catalog> catalog, std::function<Status()> check);

}  // namespace firn::catalog
