#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/sql_connection.h"

/// The rows of the layout of Iceberg's JDBC catalog (schema version 1; version 0 is read and written as found), so that
/// Java and pyiceberg open the same database.
///   iceberg_tables(catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location,
///                  iceberg_type)              primary key: the first three
///   iceberg_namespace_properties(catalog_name, namespace, property_key, property_value)
/// Levels of a namespace are joined with ".". Views are rows of iceberg_type VIEW.
namespace firn::catalog {

/// Makes the tables if they are missing. Errors: kConfig if tables of these names have other columns.
Status CreateJdbcLayout(SqlConnection& connection);

/// One table's row, before and after a swap.
struct Swap {
  TableIdentifier identifier;
  std::optional<std::string> before;  // nullopt: the row does not exist
  std::string after;
};

/// kNotTried: not even a transaction was begun.
enum class SwapOutcome { kCommitted, kNotCommitted, kUnknown, kNotTried };

/// Statements on the layout, for one catalog name. Used by one thread at a time.
class JdbcRows {
 public:
  /// `name`: catalog_name. Finds out which version of the layout there is. Errors: kConfig if there is none.
  static Result<JdbcRows> Open(SqlConnection& connection, std::string name);

  bool has_views() const { return has_type_; }
  Result<std::optional<std::string>> MetadataLocation(const TableIdentifier& identifier);
  Result<std::vector<std::string>> Namespaces();
  Result<bool> NamespaceExists(const std::string& ns);
  Status CreateNamespace(const std::string& ns);
  /// Sorted by name.
  Result<std::vector<std::string>> Tables(const std::string& ns);
  Result<std::vector<std::string>> Views(const std::string& ns);
  Result<bool> Drop(const TableIdentifier& identifier);
  /// Errors: kConflict if `to` is taken.
  Result<bool> Rename(const TableIdentifier& from, const TableIdentifier& to);

  /// All swaps in one transaction. kUnknown only if COMMIT itself failed; `reason` says what happened otherwise.
  SwapOutcome SwapAll(std::vector<Swap> swaps, std::string& reason);
  /// Looks what became of a transaction whose COMMIT failed, after SqlDatabase::MakeCertain.
  SwapOutcome Settle(const std::vector<Swap>& swaps, std::string& reason);

 private:
  Result<std::vector<std::string>> Names(const char* sql, const std::string& ns);
  JdbcRows(SqlConnection& connection, std::string name, bool has_type)
      : connection_(&connection), name_(std::move(name)), has_type_(has_type) {}
  Status SwapOne(const Swap& swap);

  SqlConnection* connection_;
  std::string name_;
  bool has_type_;  // layout version 1
};

/// A connection that is made again after it was lost, with the layout on it. Used under its owner's lock.
class JdbcSession {
 public:
  JdbcSession(std::unique_ptr<SqlDatabase> database, std::string name)
      : database_(std::move(database)), name_(std::move(name)) {}

  /// Connects; `create`: makes the layout if it is missing.
  Status Start(bool create);
  /// The layout, on a new connection if there is none.
  Result<JdbcRows*> Rows();
  Result<SqlConnection*> Connection();
  /// Calls `read(rows)`, once more on a new connection if the one there was turned out to be lost.
  template <typename Read>
  auto Ask(Read&& read) -> decltype(read(std::declval<JdbcRows&>())) {
    for (bool again = false;; again = true) {
      ARROW_ASSIGN_OR_RAISE(JdbcRows * rows, Rows());
      auto answer = read(*rows);
      if (answer.ok() || connection_->usable() || again) return answer;
      Drop();
    }
  }
  bool lost() const { return connection_ == nullptr || !connection_->usable(); }
  void Drop();
  SwapOutcome SwapAll(const std::vector<Swap>& swaps, std::string& reason);
  const std::string& name() const { return name_; }

 private:
  SwapOutcome LookAgain(const std::vector<Swap>& swaps, std::string& reason);

  const std::unique_ptr<SqlDatabase> database_;
  const std::string name_;
  std::unique_ptr<SqlConnection> connection_;
  std::optional<JdbcRows> rows_;  // of connection_
};

/// Levels joined with "."; kConfig for a level that is empty or has a "." (the layout could not tell it apart).
Result<std::string> NamespaceKey(const std::vector<std::string>& ns);
std::vector<std::string> NamespaceLevels(const std::string& key);

}  // namespace firn::catalog
