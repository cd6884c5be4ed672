#include "io/sqlite_journal.h"

#include <chrono>

namespace firn::io {

// SQLite does not wait here by itself: the switch holds a read lock when it asks for the write lock, and two that wait
// for each other like that would wait forever, so one of them is told SQLITE_BUSY at once (sqlite3_busy_handler, "might
// not be invoked"). A transaction of its own holds nothing yet and waits until the other is done.
int UseWriteAheadLog(sqlite3* database, int64_t busy_timeout_ms) {
  const auto run = [&](const char* sql) { return sqlite3_exec(database, sql, nullptr, nullptr, nullptr); };
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_timeout_ms);
  while (true) {
    const int switched = run("PRAGMA journal_mode=WAL");
    if ((switched & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= end) return switched;
    const int waited = run("BEGIN IMMEDIATE");
    if (waited != SQLITE_OK) return waited;
    static_cast<void>(run("ROLLBACK"));  // nothing was written
  }
}

}  // namespace firn::io
