#include "io/postgres_rows.h"

#include "io/postgres_session.h"

namespace firn::io {

Status ReadPostgresRows(const PostgresTarget& target, const std::string& query, const SqlLimits& limits,
                        const TakeSqlRow& take) {
  ARROW_ASSIGN_OR_RAISE(const auto session, PostgresSession::Open(target, limits.wait_ms));
  ARROW_RETURN_NOT_OK(session->Execute("BEGIN READ ONLY").status());
  ARROW_RETURN_NOT_OK(session->Execute("DECLARE listed NO SCROLL CURSOR FOR " + query).status());
  int64_t num_rows = 0;
  while (num_rows < limits.rows_max) {
    ARROW_ASSIGN_OR_RAISE(const auto answer, session->Execute("FETCH 1000 FROM listed"));
    const int num_fetched = PQntuples(answer.get());
    SqlCells cells(static_cast<size_t>(PQnfields(answer.get())));
    for (size_t c = 0; c < cells.size(); ++c) cells[c].first = PQfname(answer.get(), static_cast<int>(c));
    for (int row = 0; row < num_fetched && num_rows < limits.rows_max; ++row, ++num_rows) {
      for (size_t c = 0; c < cells.size(); ++c) cells[c].second = PostgresText(*answer, row, static_cast<int>(c));
      ARROW_RETURN_NOT_OK(take(cells));
    }
    if (num_fetched == 0) break;
  }
  return Status::OK();  // the transaction ends with the connection
}

}  // namespace firn::io
