#pragma once

#include "catalog/catalog.h"

namespace firn::cli {

/// A lake that is not there yet, whose catalog will be SQLite: it has no tables, and looking at it does not make it.
/// Nothing can be written.
class NoLake : public catalog::Catalog {
 public:
  catalog::CatalogTraits traits() const override { return {.multi_table_commit = true}; }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override { return Namespaces(); }
  Status CreateNamespace(const std::vector<std::string>& /*ns*/) override { return Refused(); }
  Result<std::vector<catalog::TableIdentifier>> ListTables(const std::vector<std::string>& /*ns*/) override {
    return std::vector<catalog::TableIdentifier>();
  }
  Result<std::optional<catalog::LoadedTable>> LoadTable(const catalog::TableIdentifier& /*identifier*/) override {
    return std::optional<catalog::LoadedTable>();
  }
  Result<catalog::CommitResult> Commit(std::span<const catalog::TableCommit> /*commits*/,
                                       std::stop_token /*stop*/) override {
    return Refused();
  }
  Status DropTable(const catalog::TableIdentifier& /*identifier*/) override { return Refused(); }
  Status RenameTable(const catalog::TableIdentifier& /*from*/, const catalog::TableIdentifier& /*to*/) override {
    return Refused();
  }
  std::string DefaultLocation(const catalog::TableIdentifier& /*identifier*/) const override { return ""; }

 private:
  using Namespaces = std::vector<std::vector<std::string>>;
  static Status Refused() { return MakeError(Fault::kBug, "a lake that is only looked at was to be written"); }
};

}  // namespace firn::cli
