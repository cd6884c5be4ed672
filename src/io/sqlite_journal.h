#pragma once

#include <sqlite3.h>

#include <cstdint>

namespace firn::io {

/// Switches an open database to the write-ahead log; does nothing if it has one. Where several processes make the same
/// new file, each waits for the others, about as long as `busy_timeout_ms`, which is the connection's busy timeout too.
/// Returns SQLite's result code; SQLITE_BUSY when the time is up.
int UseWriteAheadLog(sqlite3* database, int64_t busy_timeout_ms);

}  // namespace firn::io
