#include "catalog/postgres/connection.h"

#include <algorithm>
#include <charconv>

#include "base/failpoint.h"

namespace firn::catalog::postgres {

Result<std::unique_ptr<Connection>> Connection::Open(const io::PostgresTarget& target, int64_t statement_ms) {
  ARROW_ASSIGN_OR_RAISE(auto session, io::PostgresSession::Open(target, statement_ms));
  return std::unique_ptr<Connection>(new Connection(std::move(session)));
}

const std::string& Connection::Translated(const char* sql) {
  std::string& text = texts_[sql];
  if (text.empty()) {
    text = sql;
    std::ranges::replace(text, '?', '$');
  }
  return text;
}

Result<std::vector<SqlRow>> Connection::Query(const char* sql, std::initializer_list<std::string_view> values) {
  ARROW_ASSIGN_OR_RAISE(const auto answer, session_->Execute(Translated(sql), values));
  const int num_columns = PQnfields(answer.get());
  std::vector<SqlRow> rows(static_cast<size_t>(PQntuples(answer.get())));
  for (size_t row = 0; row < rows.size(); ++row) {
    for (int column = 0; column < num_columns; ++column) {
      rows[row].push_back(io::PostgresText(*answer, static_cast<int>(row), column));
    }
  }
  return rows;
}

Result<int> Connection::Update(const char* sql, std::initializer_list<std::string_view> values) {
  ARROW_ASSIGN_OR_RAISE(const auto answer, session_->Execute(Translated(sql), values));
  const std::string_view count(PQcmdTuples(answer.get()));
  int changed = 0;
  std::from_chars(count.data(), count.data() + count.size(), changed);
  return changed;
}

// Each swap names the location it expects, and a row that is being changed is waited for and looked at again: READ
// COMMITTED is enough for them. Administration looks first and changes then, so nobody else may change in between.
Status Connection::Begin(Purpose purpose) {
  transaction_.clear();
  ARROW_RETURN_NOT_OK(session_->Execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").status());
  Status ready;
  switch (purpose) {
    case Purpose::kSwap:
      break;
    case Purpose::kAdministration:
      ready = session_->Execute("LOCK TABLE iceberg_tables, iceberg_namespace_properties IN SHARE ROW EXCLUSIVE MODE")
                  .status();
      break;
    case Purpose::kLayout:  // CREATE TABLE IF NOT EXISTS of two at once fails in one of them
      ready = session_->Execute("SELECT pg_advisory_xact_lock(hashtext('firn.iceberg_tables'))").status();
      break;
  }
  // A database may have it off by default; a commit that a crash can take back would be no commit.
  if (ready.ok()) {
    ready = session_
                ->Execute(
                    "SELECT set_config('synchronous_commit', 'on', true) WHERE "
                    "current_setting('synchronous_commit') = 'off'")
                .status();
  }
  if (!ready.ok()) Rollback();
  return ready;
}

Status Connection::Commit(bool* in_doubt) {
  *in_doubt = false;
  ARROW_ASSIGN_OR_RAISE(const auto name, Query("SELECT txid_current()::text || ' ' || pg_backend_pid()::text"));
  if (name.size() == 1) transaction_ = name[0][0].value_or("");
  FIRN_FAILPOINT("catalog.postgres.before_commit");
  auto committed = session_->Execute("COMMIT");
  if (committed.ok() && std::string_view(PQcmdStatus(committed->get())) != "COMMIT") {
    return MakeError(Fault::kConflict, "database: the transaction had failed and was rolled back");
  }
  // Answered with an error is rolled back for certain; not answered may be either.
  if (!committed.ok()) *in_doubt = !session_->usable();
  return committed.status();
}

void Connection::Rollback() {
  if (!usable() || !session_->in_transaction()) return;
  const Status rolled_back = session_->Execute("ROLLBACK").status();
  if (!rolled_back.ok()) session_->Abandon();
}

Result<std::vector<std::string>> Connection::Columns(std::string_view table) {
  ARROW_ASSIGN_OR_RAISE(const auto rows,
                        Query("SELECT attname FROM pg_attribute WHERE attrelid=to_regclass(?1) AND attnum > 0 AND NOT "
                              "attisdropped",
                              {table}));
  std::vector<std::string> names;
  for (const SqlRow& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

}  // namespace firn::catalog::postgres
