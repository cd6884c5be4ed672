#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// SQLite as the control store needs it. Included by state/*.cc alone.
namespace firn::state {

struct SqliteClose {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct SqliteFinalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using DatabaseHandle = std::unique_ptr<sqlite3, SqliteClose>;

/// Translates an SQLite result: kTransient for busy and locked, kConfig for full, read-only, permission; kBadData for a
/// damaged file. `what` names the step.
Status SqliteError(sqlite3* database, int code, std::string_view what);

/// One prepared statement, run once or stepped. Borrowed database.
class Statement {
 public:
  static Result<Statement> Prepare(sqlite3* database, std::string_view sql);
  Statement& Bind(std::string_view text);
  Statement& Bind(int64_t number);
  Statement& Bind(const std::optional<int64_t>& number);
  /// True if there is a row.
  Result<bool> Step();
  /// Steps to the end; rows are dropped.
  Status Run();
  int64_t Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  std::optional<int64_t> OptionalInt(int column) const;
  std::string Text(int column) const;

 private:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, SqliteFinalize> statement_;
  int next_ = 1;
};

/// Opens (and creates, if `create`) the database at `path` with WAL and synchronous=FULL and brings its layout to the
/// newest version. Errors: kConfig for a newer layout, naming it; kBadData for a damaged file; of SqliteError.
Result<DatabaseHandle> OpenStateDatabase(const std::string& path, bool create, int64_t busy_timeout_ms);

}  // namespace firn::state
