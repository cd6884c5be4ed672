#include "io/sqlite_journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/uuid.h"

namespace firn::io {
namespace {

constexpr int kBusyMs = 10'000;

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, Close>;

// The default VFS, but a connection that would sleep until another is done calls `while_waiting` instead.
class WaitingVfs {
 public:
  WaitingVfs() : inner_(sqlite3_vfs_find(nullptr)), vfs_(*inner_) {
    vfs_.zName = kName;
    vfs_.pAppData = this;
    vfs_.xSleep = [](sqlite3_vfs* vfs, int micros) {
      auto* self = static_cast<WaitingVfs*>(vfs->pAppData);
      if (self->while_waiting) self->while_waiting();
      return micros;
    };
    vfs_.xOpen = [](sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
      sqlite3_vfs* inner = static_cast<WaitingVfs*>(vfs->pAppData)->inner_;
      return inner->xOpen(inner, name, file, flags, out_flags);
    };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~WaitingVfs() { sqlite3_vfs_unregister(&vfs_); }
  WaitingVfs(const WaitingVfs&) = delete;
  WaitingVfs& operator=(const WaitingVfs&) = delete;

  static constexpr char kName[] = "firn-waiting";
  std::function<void()> while_waiting;

 private:
  sqlite3_vfs* inner_;
  sqlite3_vfs vfs_;
};

class SqliteJournalTest : public ::testing::Test {
 protected:
  SqliteJournalTest() : path_(::testing::TempDir() + "/firn-journal-" + MakeUuid4().ToString() + ".db") {}
  ~SqliteJournalTest() override {
    for (const char* part : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(path_ + part);
  }

  Database Open() {
    sqlite3* database = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    EXPECT_EQ(sqlite3_open_v2(path_.c_str(), &database, flags, WaitingVfs::kName), SQLITE_OK);
    sqlite3_busy_timeout(database, kBusyMs);
    return Database(database);
  }
  static void Run(const Database& database, const char* sql) {
    EXPECT_EQ(sqlite3_exec(database.get(), sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
  }
  static std::string JournalOf(const Database& database) {
    std::string mode;
    const auto read = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0];
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database.get(), "PRAGMA journal_mode", read, &mode, nullptr), SQLITE_OK);
    return mode;
  }

  WaitingVfs vfs_;
  const std::string path_;
};

TEST_F(SqliteJournalTest, WaitsForTheOneThatMakesTheSameFile) {
  const Database other = Open();
  const Database mine = Open();
  Run(other, "BEGIN IMMEDIATE; CREATE TABLE t (a)");
  int waits = 0;
  vfs_.while_waiting = [&] {
    if (++waits == 1) Run(other, "COMMIT");
  };
  EXPECT_EQ(UseWriteAheadLog(mine.get(), kBusyMs), SQLITE_OK);
  EXPECT_GE(waits, 1);
  EXPECT_EQ(JournalOf(mine), "wal");
  EXPECT_EQ(UseWriteAheadLog(other.get(), kBusyMs), SQLITE_OK);  // a database that has one
}

TEST_F(SqliteJournalTest, GivesUpWhenTheTimeIsUp) {
  const Database other = Open();
  const Database mine = Open();
  Run(other, "BEGIN IMMEDIATE; CREATE TABLE t (a)");
  EXPECT_EQ(UseWriteAheadLog(mine.get(), kBusyMs) & 0xff, SQLITE_BUSY);
  Run(other, "COMMIT");
  EXPECT_EQ(UseWriteAheadLog(mine.get(), kBusyMs), SQLITE_OK);
}

}  // namespace
}  // namespace firn::io
