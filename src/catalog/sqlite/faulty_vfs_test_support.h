#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <string>

namespace firn::catalog::sqlite {

/// For tests: an SQLite VFS that passes everything to the default one and lets the n-th write or sync fail. Registered
/// while it lives; connections through it must be closed before.
class FaultyVfs {
 public:
  FaultyVfs() : inner_(sqlite3_vfs_find(nullptr)), vfs_(*inner_) {
    vfs_.zName = kName;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + inner_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~FaultyVfs() { sqlite3_vfs_unregister(&vfs_); }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  std::string name() const { return kName; }
  /// `step`: 1-based from now on; 0: never.
  void FailAt(int step, bool after_effect) {
    count_ = 0;
    after_effect_ = after_effect;
    failed_ = false;
    fail_at_ = step;
  }
  bool failed() const { return failed_; }
  /// Called before each write and sync: what a transaction relies on must be durable then.
  std::function<void()> before_write;

 private:
  static constexpr char kName[] = "firn-faulty";

  struct File {
    sqlite3_file base;
    sqlite3_io_methods methods;
    FaultyVfs* owner;
    sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  // The files of the inner VFS get the calls; only writes and syncs are looked at.
  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* self = reinterpret_cast<File*>(file);
    auto* owner = static_cast<FaultyVfs*>(vfs->pAppData);
    file->pMethods = nullptr;
    const int code = owner->inner_->xOpen(owner->inner_, name, self->inner(), flags, out_flags);
    if (code != SQLITE_OK) return code;
    self->owner = owner;
    self->methods = {
        .iVersion = 2,
        .xClose = [](sqlite3_file* f) { return In(f)->pMethods->xClose(In(f)); },
        .xRead = [](sqlite3_file* f, void* b, int n,
                    sqlite3_int64 o) { return In(f)->pMethods->xRead(In(f), b, n, o); },
        .xWrite =
            [](sqlite3_file* f, const void* b, int n, sqlite3_int64 o) {
              return Try(f, SQLITE_IOERR_WRITE, [&] { return In(f)->pMethods->xWrite(In(f), b, n, o); });
            },
        .xTruncate = [](sqlite3_file* f, sqlite3_int64 n) { return In(f)->pMethods->xTruncate(In(f), n); },
        .xSync = [](sqlite3_file* f,
                    int how) { return Try(f, SQLITE_IOERR_FSYNC, [&] { return In(f)->pMethods->xSync(In(f), how); }); },
        .xFileSize = [](sqlite3_file* f, sqlite3_int64* n) { return In(f)->pMethods->xFileSize(In(f), n); },
        .xLock = [](sqlite3_file* f, int l) { return In(f)->pMethods->xLock(In(f), l); },
        .xUnlock = [](sqlite3_file* f, int l) { return In(f)->pMethods->xUnlock(In(f), l); },
        .xCheckReservedLock = [](sqlite3_file* f, int* r) { return In(f)->pMethods->xCheckReservedLock(In(f), r); },
        .xFileControl = [](sqlite3_file* f, int op, void* a) { return In(f)->pMethods->xFileControl(In(f), op, a); },
        .xSectorSize = [](sqlite3_file* f) { return In(f)->pMethods->xSectorSize(In(f)); },
        .xDeviceCharacteristics = [](sqlite3_file* f) { return In(f)->pMethods->xDeviceCharacteristics(In(f)); },
        .xShmMap = [](sqlite3_file* f, int p, int n, int e,
                      void volatile** out) { return In(f)->pMethods->xShmMap(In(f), p, n, e, out); },
        .xShmLock = [](sqlite3_file* f, int o, int n,
                       int flag) { return In(f)->pMethods->xShmLock(In(f), o, n, flag); },
        .xShmBarrier = [](sqlite3_file* f) { In(f)->pMethods->xShmBarrier(In(f)); },
        .xShmUnmap = [](sqlite3_file* f, int d) { return In(f)->pMethods->xShmUnmap(In(f), d); }};
    file->pMethods = &self->methods;
    return SQLITE_OK;
  }

  static sqlite3_file* In(sqlite3_file* file) { return reinterpret_cast<File*>(file)->inner(); }

  template <typename Call>
  static int Try(sqlite3_file* file, int error, Call call) {
    FaultyVfs& owner = *reinterpret_cast<File*>(file)->owner;
    if (owner.before_write) owner.before_write();
    const bool fails = ++owner.count_ == owner.fail_at_;
    if (!fails) return call();
    owner.failed_ = true;
    if (owner.after_effect_) static_cast<void>(call());
    return error;
  }

  sqlite3_vfs* inner_;
  sqlite3_vfs vfs_;
  std::atomic<int> count_ = 0;
  std::atomic<int> fail_at_ = 0;
  bool after_effect_ = false;
  bool failed_ = false;
};

}  // namespace firn::catalog::sqlite
