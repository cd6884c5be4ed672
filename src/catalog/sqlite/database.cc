#include "catalog/sqlite/database.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/failpoint.h"
#include "io/file_store.h"
#include "io/sqlite_journal.h"

namespace firn::catalog::sqlite {
namespace {

// A statement that is not reset keeps its locks; one that keeps its values would point at memory of its caller.
struct Reset {
  void operator()(sqlite3_stmt* statement) const {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

// SQLite often says only "disk I/O error" where no space was left, and keeps no errno then: the file system is asked.
bool DiskIsFull(int code, int system_error, const std::string& path) {
  constexpr uint64_t kBytesMin = 64 << 10;  // opening takes 32 KiB for the shared index of the log
  if ((code & 0xff) == SQLITE_FULL) return true;
  if ((code & 0xff) != SQLITE_IOERR && (code & 0xff) != SQLITE_CANTOPEN) return false;
  if (system_error == ENOSPC || system_error == EDQUOT) return true;
  struct statvfs space{};
  return ::statvfs(io::FolderOf(path).c_str(), &space) == 0 && space.f_bavail * space.f_frsize < kBytesMin;
}

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
  if (DiskIsFull(code_, handle_ ? sqlite3_system_errno(handle_.get()) : 0, path_)) {
    return io::FileError("write", path_, ENOSPC);
  }
  return MakeError(FaultFromSqlite(code_), message + ", code " + std::to_string(code_));
}

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  auto database = std::make_unique<Database>();
  database->path_ = options.path;
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (options.create ? SQLITE_OPEN_CREATE : 0);
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  database->code_ = sqlite3_open_v2(options.path.c_str(), &handle, flags, vfs);
  database->handle_.reset(handle);  // set even if opening failed
  if (database->code_ != SQLITE_OK) return Within("catalog " + options.path, database->Error("open"));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(std::clamp<int64_t>(options.busy_timeout_ms, 0, 1 << 30)));
  database->code_ = io::UseWriteAheadLog(handle, options.busy_timeout_ms);
  if (database->code_ != SQLITE_OK) return Within("catalog " + options.path, database->Error("journal mode"));
  // FULL: a commit returns after fsync of the log, so that a power cut cannot take back what was acknowledged.
  const bool unsafe = failpoint::SeededBug("no_fsync");
  const auto set = database->Query(unsafe ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL");
  if (!set.ok()) return Within("catalog " + options.path, set.status());
  return database;
}

// Preparing costs ten times what running one of these statements does. SQLite prepares them again by itself when the
// layout has changed.
Result<sqlite3_stmt*> Database::Prepared(std::string_view sql) {
  code_ = SQLITE_OK;
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second.get();
  sqlite3_stmt* raw = nullptr;
  code_ = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw,
                             nullptr);
  std::unique_ptr<sqlite3_stmt, Finalize> statement(raw);
  if (code_ != SQLITE_OK) return Error("prepare");
  statements_.emplace(sql, std::move(statement));
  return raw;
}

Result<std::vector<SqlRow>> Database::Query(const char* sql, std::initializer_list<std::string_view> values) {
  ARROW_ASSIGN_OR_RAISE(sqlite3_stmt * raw, Prepared(sql));
  const std::unique_ptr<sqlite3_stmt, Reset> running(raw);
  int index = 0;
  for (const std::string_view value : values) {
    code_ = sqlite3_bind_text(raw, ++index, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    if (code_ != SQLITE_OK) return Error("bind");
  }
  std::vector<SqlRow> rows;
  while ((code_ = sqlite3_step(raw)) == SQLITE_ROW) {
    SqlRow& row = rows.emplace_back();
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

// One writer at a time: nothing that is read after BEGIN IMMEDIATE can change, whatever it is for.
Status Database::Begin(Purpose) {
  return Update("BEGIN IMMEDIATE").status();
}

Status Database::Commit(bool* in_doubt) {
  const auto committed = Update("COMMIT");
  *in_doubt = !committed.ok();
  return committed.status();
}

void Database::Rollback() {
  static_cast<void>(Update("ROLLBACK"));  // fails if no transaction is open
}

Result<std::vector<std::string>> Database::Columns(std::string_view table) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, Query("SELECT name FROM pragma_table_info(?1)", {table}));
  std::vector<std::string> names;
  for (const SqlRow& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

}  // namespace firn::catalog::sqlite
