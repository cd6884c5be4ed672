#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/registry.h"
#include "io/file_store.h"

/// Tables in the layout of Iceberg's HadoopCatalog, read only (Iceberg specification, "File System Tables").
namespace firn::catalog::hadoop {

/// `warehouse`: absolute path or location. `files` outlives it. The newest version is the highest vN.metadata.json
/// (also .gz) there is: version-hint.text is written after it, so it may be behind. Every change is refused: kConfig.
/// Errors of LoadTable: kBadData if version-hint.text names a version whose file is missing.
std::unique_ptr<Catalog> OpenHadoopCatalog(std::string warehouse, io::FileStore& files, const Clock& clock);

/// The N of "v12.metadata.json", "v12.gz.metadata.json" and "v12.metadata.json.gz"; nullopt for other names.
std::optional<int64_t> VersionOf(std::string_view file_name);

CatalogKind Kind();

}  // namespace firn::catalog::hadoop
