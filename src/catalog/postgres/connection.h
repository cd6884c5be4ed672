#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/postgres/connection_target.h"
#include "catalog/sql_connection.h"

namespace firn::catalog::postgres {

/// Who must act on an error of the server (PostgreSQL manual, appendix A).
Fault FaultFromSqlState(std::string_view sqlstate);

/// One libpq connection, with a deadline on every statement. Nothing is prepared and no setting outlives a transaction,
/// so it works through connection poolers too. Used by one thread at a time.
class Connection : public SqlConnection {
 public:
  /// Tries once. Errors: kUnreachable, kTransient (starting up, no slots left), kAuth, kConfig (no such database).
  static Result<std::unique_ptr<Connection>> Open(const ConnectionTarget& target, int64_t statement_ms);

  Result<std::vector<SqlRow>> Query(const char* sql, std::initializer_list<std::string_view> values = {}) override;
  Result<int> Update(const char* sql, std::initializer_list<std::string_view> values = {}) override;
  Status Begin(Purpose purpose) override;
  Status Commit(bool* in_doubt) override;
  void Rollback() override;
  Result<std::vector<std::string>> Columns(std::string_view table) override;
  bool usable() const override;
  /// "<transaction id> <process id of the backend>".
  std::string transaction() const override { return transaction_; }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Answer = std::unique_ptr<PGresult, Clear>;

  Connection(const ConnectionTarget& target, int64_t statement_ms) : target_(target), statement_ms_(statement_ms) {}
  Status Connect();
  Status WaitFor(bool writing, int64_t deadline_ms);
  Result<Answer> Execute(const std::string& sql, std::initializer_list<std::string_view> values);
  Result<Answer> Receive(int64_t deadline_ms);
  Status Lost(std::string_view what);
  Status ErrorOf(const PGresult* result) const;
  const std::string& Translated(const char* sql);

  const ConnectionTarget target_;
  const int64_t statement_ms_;
  std::unique_ptr<PGconn, Finish> handle_;
  bool lost_ = false;
  std::map<const char*, std::string> texts_;  // statements with $1 for ?1, by address: they come from a fixed set
  std::string transaction_;
};

}  // namespace firn::catalog::postgres
