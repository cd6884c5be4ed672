#include "catalog/sqlite/database.h"

#include <algorithm>
#include <limits>

#include "base/failpoint.h"

namespace firn::catalog::sqlite {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

}  // namespace

Fault FaultFromSqlite(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return Fault::kTransient;
    case SQLITE_CONSTRAINT:
      return Fault::kConflict;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
      return Fault::kConfig;
    default:
      return Fault::kBug;
  }
}

Status Database::Error(std::string_view what) {
  std::string message = std::string(what) + ": ";
  message += handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code_);
  return MakeError(FaultFromSqlite(code_), message + ", code " + std::to_string(code_));
}

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  auto database = std::make_unique<Database>();
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (options.create ? SQLITE_OPEN_CREATE : 0);
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  database->code_ = sqlite3_open_v2(options.path.c_str(), &handle, flags, vfs);
  database->handle_.reset(handle);  // set even if opening failed
  if (database->code_ != SQLITE_OK) return Within("catalog " + options.path, database->Error("open"));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(std::clamp<int64_t>(options.busy_timeout_ms, 0, 1 << 30)));
  // FULL: a commit returns after fsync of the log, so that a power cut cannot take back what was acknowledged.
  const bool unsafe = failpoint::SeededBug("no_fsync");
  for (const char* sql : {"PRAGMA journal_mode=WAL", unsafe ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL"}) {
    const auto set = database->Query(sql);
    if (!set.ok()) return Within("catalog " + options.path, set.status());
  }
  return database;
}

Result<std::vector<Row>> Database::Query(const char* sql, std::initializer_list<std::string_view> values) {
  sqlite3_stmt* raw = nullptr;
  code_ = sqlite3_prepare_v2(handle_.get(), sql, -1, &raw, nullptr);
  const Statement statement(raw);
  if (code_ != SQLITE_OK) return Error("prepare");
  int index = 0;
  for (const std::string_view value : values) {
    code_ = sqlite3_bind_text(raw, ++index, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    if (code_ != SQLITE_OK) return Error("bind");
  }
  std::vector<Row> rows;
  while ((code_ = sqlite3_step(raw)) == SQLITE_ROW) {
    Row& row = rows.emplace_back();
    for (int column = 0; column < sqlite3_column_count(raw); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, column));
      if (text == nullptr)
        row.emplace_back(std::nullopt);
      else
        row.emplace_back(std::string(text, static_cast<size_t>(sqlite3_column_bytes(raw, column))));
    }
  }
  if (code_ != SQLITE_DONE) return Error("step");
  code_ = SQLITE_OK;
  return rows;
}

Result<int> Database::Update(const char* sql, std::initializer_list<std::string_view> values) {
  ARROW_RETURN_NOT_OK(Query(sql, values).status());
  return sqlite3_changes(handle_.get());
}

}  // namespace firn::catalog::sqlite
