#include "catalog/screened_catalog.h"

#include <utility>

#include "catalog/forwarding_catalog.h"

namespace firn::catalog {
namespace {

class ScreenedCatalog : public ForwardingCatalog {
 public:
  ScreenedCatalog(std::unique_ptr<Catalog> catalog, ScreenTable screen)
      : ForwardingCatalog(std::move(catalog)), screen_(std::move(screen)) {}

  Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) override {
    ARROW_ASSIGN_OR_RAISE(auto loaded, ForwardingCatalog::LoadTable(identifier));
    if (loaded) ARROW_RETURN_NOT_OK(screen_(identifier, *loaded));
    return loaded;
  }
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override {
    ARROW_RETURN_NOT_OK(LoadTable(from).status());
    return ForwardingCatalog::RenameTable(from, to);
  }

 private:
  const ScreenTable screen_;
};

}  // namespace

std::unique_ptr<Catalog> MakeScreenedCatalog(std::unique_ptr<Catalog> catalog, ScreenTable screen) {
  return std::make_unique<ScreenedCatalog>(std::move(catalog), std::move(screen));
}

}  // namespace firn::catalog
