#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/sqlite/database.h"

/// The rows of the JDBC layout.
namespace firn::catalog::sqlite {

/// Makes the tables if they are missing. Errors: kConfig if tables of these names have other columns.
Status CreateLayout(Database& database);

/// One table's row, before and after a swap.
struct Swap {
  TableIdentifier identifier;
  std::optional<std::string> before;  // nullopt: the row does not exist
  std::string after;
};

enum class SwapOutcome { kCommitted, kNotCommitted, kUnknown };

/// Statements on the layout, for one catalog name. Used by one thread at a time.
class CatalogRows {
 public:
  /// `name`: catalog_name. Finds out which version of the layout the file has.
  static Result<CatalogRows> Open(Database& database, std::string name);

  Result<std::optional<std::string>> MetadataLocation(const TableIdentifier& identifier);
  Result<std::vector<std::string>> Namespaces();
  Result<bool> NamespaceExists(const std::string& ns);
  Status CreateNamespace(const std::string& ns);
  Result<std::vector<std::string>> Tables(const std::string& ns);
  Result<bool> Drop(const TableIdentifier& identifier);
  Result<bool> Rename(const TableIdentifier& from, const TableIdentifier& to);

  /// All swaps in one transaction. kUnknown only if COMMIT itself failed; `reason` says what happened otherwise.
  SwapOutcome SwapAll(const std::vector<Swap>& swaps, std::string& reason);
  /// Looks, on a new connection, what became of a transaction whose COMMIT failed. Writes once, so that frames of the
  /// failed transaction that may still be in the log can never come back.
  SwapOutcome Settle(const std::vector<Swap>& swaps, std::string& reason);

 private:
  CatalogRows(Database& database, std::string name, bool has_type)
      : database_(&database), name_(std::move(name)), has_type_(has_type) {}
  Status SwapOne(const Swap& swap);
  Status Touch();

  Database* database_;
  std::string name_;
  bool has_type_;  // layout version 1
};

/// Levels joined with "."; kConfig for a level that is empty or has a "." (the layout could not tell it apart).
Result<std::string> NamespaceKey(const std::vector<std::string>& ns);
std::vector<std::string> NamespaceLevels(const std::string& key);

}  // namespace firn::catalog::sqlite
