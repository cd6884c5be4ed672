#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "catalog/sql_connection.h"
#include "io/postgres_session.h"

namespace firn::catalog::postgres {

/// One connection to the database that holds the catalog. Used by one thread at a time.
class Connection : public SqlConnection {
 public:
  /// Tries once. Errors: those of PostgresSession::Open.
  static Result<std::unique_ptr<Connection>> Open(const io::PostgresTarget& target, int64_t statement_ms);

  Result<std::vector<SqlRow>> Query(const char* sql, std::initializer_list<std::string_view> values = {}) override;
  Result<int> Update(const char* sql, std::initializer_list<std::string_view> values = {}) override;
  Status Begin(Purpose purpose) override;
  Status Commit(bool* in_doubt) override;
  void Rollback() override;
  Result<std::vector<std::string>> Columns(std::string_view table) override;
  bool usable() const override { return session_->usable(); }
  /// "<transaction id> <process id of the backend>".
  std::string transaction() const override { return transaction_; }

 private:
  explicit Connection(std::unique_ptr<io::PostgresSession> session) : session_(std::move(session)) {}
  const std::string& Translated(const char* sql);

  const std::unique_ptr<io::PostgresSession> session_;
  std::map<const char*, std::string> texts_;  // statements with $1 for ?1, by address: they come from a fixed set
  std::string transaction_;
};

}  // namespace firn::catalog::postgres
