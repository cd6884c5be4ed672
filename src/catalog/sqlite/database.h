#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/sql_connection.h"

namespace firn::catalog::sqlite {

/// Who must act on a (possibly extended) SQLite result code.
Fault FaultFromSqlite(int code);

struct DatabaseOptions {
  std::string path;
  int64_t busy_timeout_ms = 10'000;
  bool create = false;
  std::string vfs;  // name of the VFS; empty: the default one. Tests put a faulty one there
};

/// One connection: WAL, synchronous=FULL. Used by one thread at a time.
class Database : public SqlConnection {
 public:
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);

  /// Runs one statement and returns its rows as text. It stays prepared: `sql` comes from a fixed set of texts.
  /// Errors: as FaultFromSqlite says; code() keeps the SQLite code.
  Result<std::vector<SqlRow>> Query(const char* sql, std::initializer_list<std::string_view> values = {}) override;
  /// The same without rows; returns the number of rows changed.
  Result<int> Update(const char* sql, std::initializer_list<std::string_view> values = {}) override;
  Status Begin(Purpose purpose) override;
  Status Commit(bool* in_doubt) override;
  void Rollback() override;
  Result<std::vector<std::string>> Columns(std::string_view table) override;
  bool usable() const override { return true; }
  std::string transaction() const override { return ""; }
  /// The primary SQLite code of the last call.
  int code() const { return code_ & 0xff; }
  int extended_code() const { return code_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Status Error(std::string_view what);
  Result<sqlite3_stmt*> Prepared(std::string_view sql);

  std::unique_ptr<sqlite3, Close> handle_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, std::less<>> statements_;  // before the handle closes
  std::string path_;
  int code_ = SQLITE_OK;
};

}  // namespace firn::catalog::sqlite
