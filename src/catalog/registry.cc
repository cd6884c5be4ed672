#include "catalog/registry.h"

#include <utility>

namespace firn::catalog {

std::string TableIdentifier::ToString() const {
  std::string text;
  for (const std::string& level : ns) text += level + ".";
  return text + name;
}

Status CatalogRegistry::Add(config::CatalogType type, CatalogKind kind) {
  std::string name = kind.name;
  if (!kinds_.emplace(type, std::move(kind)).second) return MakeError(Fault::kBug, "catalog registered twice: " + name);
  return Status::OK();
}

Result<std::unique_ptr<Catalog>> CatalogRegistry::Open(const config::LakeConfig& lake,
                                                       const CatalogContext& context) const {
  const auto found = kinds_.find(lake.catalog.type);
  if (found == kinds_.end()) return MakeError(Fault::kConfig, "this build has no catalog of the configured type");
  return found->second.open(lake, context);
}

Result<std::unique_ptr<Administration>> CatalogRegistry::OpenAdministration(const config::LakeConfig& lake,
                                                                            const CatalogContext& context) const {
  const auto found = kinds_.find(lake.catalog.type);
  if (found == kinds_.end() || !found->second.open_administration) {
    return MakeError(Fault::kConfig, "a catalog of the configured type cannot be administered by firn");
  }
  return found->second.open_administration(lake, context);
}

}  // namespace firn::catalog
