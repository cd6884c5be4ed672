#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/administration.h"
#include "catalog/catalog.h"
#include "io/file_store.h"

/// Finds the tables of a warehouse by their files, for a catalog that was lost or is older than its tables.
namespace firn::catalog {

struct RebuildStep {
  enum class Action {
    kRegister,  // not in the catalog
    kAdvance,   // in the catalog with metadata that the newest file follows from, or whose file is gone
    kKeep,      // in the catalog as it should be, or newer, or not to be decided by files
    kSkip,      // files that are no table that could be registered
  };
  Action action = Action::kRegister;
  TableIdentifier identifier;
  std::string metadata_location;        // newest found
  std::optional<std::string> replaces;  // kAdvance: what the catalog has
  std::string why;                      // how it was chosen, for people
};

/// A catalog as it is; null members: there is none yet.
struct CatalogToRebuild {
  Catalog* catalog = nullptr;
  Administration* administration = nullptr;
};

/// Looks at every metadata file below `warehouse` (a location) and changes nothing. Of a folder the newest metadata
/// counts whose snapshot's manifest list is there; of several tables in one folder the one changed last. A table goes
/// by its UUID, also where it has been renamed; else by its folder: <warehouse>/<namespace>/<table>. Sorted by name.
/// Errors: those of listing and of the catalog; a file that cannot be read is a step kSkip.
Result<std::vector<RebuildStep>> PlanRebuild(const CatalogToRebuild& target, io::FileStore& files,
                                             const std::string& warehouse);

/// Carries out the steps kRegister and kAdvance, each by compare-and-swap; returns how many. Never moves a table to
/// metadata that does not follow from what the catalog has. Errors: the first one; steps before it stay done.
Result<int64_t> ApplyRebuild(const std::vector<RebuildStep>& steps, Administration& administration);

}  // namespace firn::catalog
