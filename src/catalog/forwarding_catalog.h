#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "catalog/catalog.h"

namespace firn::catalog {

/// A catalog that hands every call on to another one, which it owns: base of those that look at some of the calls.
class ForwardingCatalog : public Catalog {
 public:
  explicit ForwardingCatalog(std::unique_ptr<Catalog> catalog) : catalog_(std::move(catalog)) {}

  CatalogTraits traits() const override { return catalog_->traits(); }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override { return catalog_->ListNamespaces(); }
  Status CreateNamespace(const std::vector<std::string>& ns) override { return catalog_->CreateNamespace(ns); }
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override {
    return catalog_->ListTables(ns);
  }
  Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) override {
    return catalog_->LoadTable(identifier);
  }
  Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token stop) override {
    return catalog_->Commit(commits, std::move(stop));
  }
  Status DropTable(const TableIdentifier& identifier) override { return catalog_->DropTable(identifier); }
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override {
    return catalog_->RenameTable(from, to);
  }
  std::string DefaultLocation(const TableIdentifier& identifier) const override {
    return catalog_->DefaultLocation(identifier);
  }
  Result<std::vector<TableIdentifier>> ListViews(const std::vector<std::string>& ns) override {
    return catalog_->ListViews(ns);
  }

 private:
  const std::unique_ptr<Catalog> catalog_;
};

}  // namespace firn::catalog
