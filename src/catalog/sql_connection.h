#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// What a database must be able to do to hold a catalog in the layout of Iceberg's JDBC catalog (jdbc_rows.h).
namespace firn::catalog {

using SqlRow = std::vector<std::optional<std::string>>;

/// One connection. Used by one thread at a time. `sql` comes from a fixed set of texts, in the SQL that SQLite and
/// Postgres share, with parameters ?1, ?2 …; all values are text. Errors of all methods: kConflict (a key exists
/// already, a lost race), kTransient, kUnreachable, kAuth, kConfig.
class SqlConnection {
 public:
  virtual ~SqlConnection() = default;
  virtual Result<std::vector<SqlRow>> Query(const char* sql, std::initializer_list<std::string_view> values = {}) = 0;
  /// Returns the number of rows changed.
  virtual Result<int> Update(const char* sql, std::initializer_list<std::string_view> values = {}) = 0;

  /// kSwap: changes that name what they expect; kAdministration: what is read in it does not change until its end;
  /// kLayout: the same where the tables may be missing.
  enum class Purpose { kSwap, kAdministration, kLayout };
  virtual Status Begin(Purpose purpose) = 0;
  /// `in_doubt`: set to true if it failed and may have been applied all the same.
  virtual Status Commit(bool* in_doubt) = 0;
  /// Does nothing if no transaction is open.
  virtual void Rollback() = 0;

  /// The columns of a table of the layout; empty if there is none.
  virtual Result<std::vector<std::string>> Columns(std::string_view table) = 0;
  /// False when nothing can be asked any more: make another one.
  virtual bool usable() const = 0;
  /// Names the last transaction that Commit() was called for, for SqlDatabase::MakeCertain; may be empty.
  virtual std::string transaction() const = 0;
};

/// Where connections are made. Thread-safe.
class SqlDatabase {
 public:
  virtual ~SqlDatabase() = default;
  virtual Result<std::unique_ptr<SqlConnection>> Connect() = 0;
  /// Returns when what `connection` reads is final as regards a transaction whose end is in doubt: it is either
  /// visible and durable or can never become so. `transaction`: as SqlConnection names it; `catalog`: catalog_name.
  /// Errors: it cannot be told now.
  virtual Status MakeCertain(SqlConnection& connection, const std::string& transaction, const std::string& catalog) = 0;
  /// For messages: "catalog /lake/catalog.db". No secrets.
  virtual std::string Describe() const = 0;
};

}  // namespace firn::catalog
