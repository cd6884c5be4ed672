#include "io/sqlite_rows.h"

#include <sqlite3.h>

#include <memory>

namespace firn::io {

Status ReadSqliteRows(const std::string& path, const std::string& query, const SqlLimits& limits,
                      const TakeSqlRow& take) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(opened, sqlite3_close);
  const auto failed = [&] {
    return MakeError(Fault::kConfig, opened == nullptr ? "no memory" : sqlite3_errmsg(opened));
  };
  if (code != SQLITE_OK) return failed();
  sqlite3_busy_timeout(opened, static_cast<int>(limits.wait_ms));
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(opened, query.c_str(), -1, &prepared, nullptr) != SQLITE_OK) return failed();
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared, sqlite3_finalize);
  if (prepared == nullptr || sqlite3_stmt_readonly(prepared) == 0) {
    return MakeError(Fault::kConfig, "the query does not only read");
  }
  SqlCells cells(static_cast<size_t>(sqlite3_column_count(prepared)));
  for (size_t c = 0; c < cells.size(); ++c) cells[c].first = sqlite3_column_name(prepared, static_cast<int>(c));
  int step = SQLITE_ROW;
  for (int64_t row = 0; row < limits.rows_max && (step = sqlite3_step(prepared)) == SQLITE_ROW; ++row) {
    for (size_t c = 0; c < cells.size(); ++c) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, static_cast<int>(c)));
      cells[c].second = text == nullptr ? std::nullopt : std::optional<std::string>(text);
    }
    ARROW_RETURN_NOT_OK(take(cells));
  }
  return step == SQLITE_DONE || step == SQLITE_ROW ? Status::OK() : failed();
}

}  // namespace firn::io
