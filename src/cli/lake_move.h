#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/administration.h"
#include "catalog/catalog.h"
#include "cli/lake_place.h"
#include "io/file_store.h"
#include "table/maintenance/relocate.h"

/// A lake whose catalog names files where they no longer are.
namespace firn::cli {

class App;

struct LakeTable {
  catalog::TableIdentifier identifier;
  std::string metadata_location;  // as the catalog has it
};

/// All tables, sorted; reads no metadata file.
Result<std::vector<LakeTable>> ListEntries(catalog::Catalog& catalog, catalog::Administration& administration);

/// How the tables have moved to `to` (a location), by the first one whose metadata file is not where the catalog says,
/// or, with a `place`, lies outside of it, but is below `to` under the end of its path. nullopt: none is. Errors: of
/// the store; kBadData for metadata that cannot be read.
Result<std::optional<table::Relocation>> FindMove(io::FileStore& files, const std::vector<LakeTable>& tables,
                                                  const std::string& to, const std::optional<LakePlace>& place);

/// Of commands that read no table: loads those whose metadata lies outside of the lake, which says so in a warning (see
/// App::Outside). A lake that cannot be read is nobody's here.
void WarnOfOutside(App& app, const config::LakeConfig& lake);

}  // namespace firn::cli
