#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "io/postgres_target.h"

namespace firn::io {

/// Who must act on an error of the server (PostgreSQL manual, appendix A).
Fault FaultFromSqlState(std::string_view sqlstate);

/// One libpq connection, with a deadline on every statement. Nothing is prepared and no setting outlives a transaction,
/// so it works through connection poolers too. Used by one thread at a time.
class PostgresSession {
 public:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Answer = std::unique_ptr<PGresult, Clear>;

  /// Tries once. Errors: kUnreachable, kTransient (starting up, no slots left), kAuth, kConfig (no such database).
  static Result<std::unique_ptr<PostgresSession>> Open(const PostgresTarget& target, int64_t statement_ms);

  /// One statement with parameters $1, $2 … that are text; its answer is held in memory. Errors: as its SQLSTATE says;
  /// kUnreachable when the deadline passes or the connection is lost.
  Result<Answer> Execute(const std::string& sql, std::initializer_list<std::string_view> values = {});
  /// False when nothing can be asked any more: make another one.
  bool usable() const;
  bool in_transaction() const { return PQtransactionStatus(handle_.get()) != PQTRANS_IDLE; }
  /// Gives the connection up: whatever is open on it must not be gone on with.
  void Abandon() { lost_ = true; }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  PostgresSession(const PostgresTarget& target, int64_t statement_ms) : target_(target), statement_ms_(statement_ms) {}
  Status Connect();
  Status WaitFor(bool writing, int64_t deadline_ms);
  Result<Answer> Receive(int64_t deadline_ms);
  Status Lost(std::string_view what);
  Status ErrorOf(const PGresult* result) const;

  const PostgresTarget target_;
  const int64_t statement_ms_;
  std::unique_ptr<PGconn, Finish> handle_;
  bool lost_ = false;
};

/// The text at a place of an answer; nullopt: null.
std::optional<std::string> PostgresText(const PGresult& answer, int row, int column);

}  // namespace firn::io
