#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::catalog::sqlite {

/// Who must act on a (possibly extended) SQLite result code.
Fault FaultFromSqlite(int code);

struct DatabaseOptions {
  std::string path;
  int64_t busy_timeout_ms = 10'000;
  bool create = false;
  std::string vfs;  // name of the VFS; empty: the default one. Tests put a faulty one there
};

using Row = std::vector<std::optional<std::string>>;

/// One connection: WAL, synchronous=FULL. Used by one thread at a time.
class Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);

  /// Runs one statement and returns its rows as text. Errors: as FaultFromSqlite says; code() keeps the SQLite code.
  Result<std::vector<Row>> Query(const char* sql, std::initializer_list<std::string_view> values = {});
  /// The same without rows; returns the number of rows changed.
  Result<int> Update(const char* sql, std::initializer_list<std::string_view> values = {});
  /// The primary SQLite code of the last call.
  int code() const { return code_ & 0xff; }
  int extended_code() const { return code_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  Status Error(std::string_view what);

  std::unique_ptr<sqlite3, Close> handle_;
  int code_ = SQLITE_OK;
};

}  // namespace firn::catalog::sqlite
