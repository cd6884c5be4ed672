#include "state/database.h"

#include "io/sqlite_journal.h"
#include "state/run_history.h"

namespace firn::state {
namespace {

// Version 1. STRICT: a wrong type is an error, not a silent conversion.
constexpr char kLayout[] = R"sql(
CREATE TABLE IF NOT EXISTS firn_state_version (version INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS runs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL, environment TEXT NOT NULL, command TEXT NOT NULL,
  lake TEXT NOT NULL, log_file TEXT NOT NULL, state INTEGER NOT NULL, exit_code INTEGER NOT NULL,
  started INTEGER NOT NULL, finished INTEGER, process_id INTEGER NOT NULL, process_start INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS run_tables (
  run_sequence INTEGER NOT NULL REFERENCES runs (sequence) ON DELETE CASCADE,
  pipeline TEXT NOT NULL, "table" TEXT NOT NULL, identifier TEXT NOT NULL, state INTEGER NOT NULL,
  snapshot_id INTEGER, fresh_to INTEGER, finished INTEGER NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (run_sequence, pipeline, "table")) STRICT;
CREATE INDEX IF NOT EXISTS run_tables_by_table ON run_tables (pipeline, "table", run_sequence);
CREATE TABLE IF NOT EXISTS cursors (
  stream TEXT PRIMARY KEY, position_json TEXT NOT NULL, snapshot_id INTEGER, updated INTEGER NOT NULL) STRICT;
)sql";

Status Execute(sqlite3* database, const char* sql, std::string_view what) {
  const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status::OK() : SqliteError(database, code, what);
}

Result<int64_t> VersionOf(sqlite3* database) {
  ARROW_ASSIGN_OR_RAISE(
      Statement exists,
      Statement::Prepare(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'firn_state_version'"));
  ARROW_RETURN_NOT_OK(exists.Step().status());
  if (exists.Int(0) == 0) return 0;
  ARROW_ASSIGN_OR_RAISE(Statement read, Statement::Prepare(database, "SELECT max(version) FROM firn_state_version"));
  ARROW_RETURN_NOT_OK(read.Step().status());
  return read.Int(0);
}

Status CreateLayout(sqlite3* database) {
  ARROW_RETURN_NOT_OK(Execute(database, "BEGIN IMMEDIATE", "begin"));
  Status status = Execute(database, kLayout, "create tables");
  if (status.ok()) {
    status =
        Execute(database, "INSERT INTO firn_state_version SELECT 1 WHERE NOT EXISTS (SELECT * FROM firn_state_version)",
                "store the version");
  }
  if (status.ok()) return Execute(database, "COMMIT", "commit");
  sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr);
  return status;
}

Status Newer(const std::string& path, int64_t version) {
  return MakeError(Fault::kConfig, "the state database was written by a newer firn: " + path,
                   {.code = "E0753",
                    .why = "its layout is version " + std::to_string(version) + ", this firn knows up to version " +
                           std::to_string(kStateVersion),
                    .state = "nothing was changed",
                    .next = "use the newer firn, or move the file away: the tables hold all that matters"});
}

}  // namespace

Status SqliteError(sqlite3* database, int code, std::string_view what) {
  const std::string message = std::string("state database, ") + std::string(what) + ": " +
                              (database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
      return MakeError(Fault::kTransient, message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return MakeError(Fault::kBadData, message);
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return MakeError(Fault::kConfig, message,
                       {.code = "E0754", .next = "make the folder of state.db writable and give it space"});
    default:
      return MakeError(Fault::kBug, message);
  }
}

Result<Statement> Statement::Prepare(sqlite3* database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return SqliteError(database, code, "prepare");
  return Statement(statement);
}

Statement& Statement::Bind(std::string_view text) {
  sqlite3_bind_text64(statement_.get(), next_++, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::Bind(int64_t number) {
  sqlite3_bind_int64(statement_.get(), next_++, number);
  return *this;
}

Statement& Statement::Bind(const std::optional<int64_t>& number) {
  if (number) return Bind(*number);
  sqlite3_bind_null(statement_.get(), next_++);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(statement_.get()), code, "run");
}

Status Statement::Run() {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, Step());
    if (!row) return Status::OK();
  }
}

std::optional<int64_t> Statement::OptionalInt(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return Int(column);
}

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return text == nullptr ? std::string()
                         : std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

Result<DatabaseHandle> OpenStateDatabase(const std::string& path, bool create, int64_t busy_timeout_ms) {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  DatabaseHandle database(opened);
  if (code != SQLITE_OK) return SqliteError(opened, code, "open " + path);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, static_cast<int>(busy_timeout_ms));
  // The version first: a newer layout must not be touched, not even its journal mode.
  ARROW_ASSIGN_OR_RAISE(const int64_t version, VersionOf(opened));
  if (version > kStateVersion) return Newer(path, version);
  const int switched = io::UseWriteAheadLog(opened, busy_timeout_ms);
  if (switched != SQLITE_OK) return SqliteError(opened, switched, "journal mode");
  ARROW_RETURN_NOT_OK(Execute(opened, "PRAGMA synchronous=FULL", "synchronous"));
  ARROW_RETURN_NOT_OK(Execute(opened, "PRAGMA foreign_keys=ON", "foreign keys"));
  if (version < kStateVersion) ARROW_RETURN_NOT_OK(CreateLayout(opened));
  return database;
}

}  // namespace firn::state
