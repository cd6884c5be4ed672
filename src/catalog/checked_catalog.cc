#include "catalog/checked_catalog.h"

#include <utility>

#include "catalog/forwarding_catalog.h"

namespace firn::catalog {
namespace {

class CheckedCatalog : public ForwardingCatalog {
 public:
  CheckedCatalog(std::unique_ptr<Catalog> catalog, std::function<Status()> check)
      : ForwardingCatalog(std::move(catalog)), check_(std::move(check)) {}

  Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token stop) override {
    ARROW_RETURN_NOT_OK(check_());
    return ForwardingCatalog::Commit(commits, std::move(stop));
  }

 private:
  const std::function<Status()> check_;
};

}  // namespace

std::unique_ptr<Catalog> MakeCheckedCatalog(std::unique_ptr<Catalog> catalog, std::function<Status()> check) {
  return std::make_unique<CheckedCatalog>(std::move(catalog), std::move(check));
}

}  // namespace firn::catalog
