#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace firn::io {

/// The system calls by which a local store changes a disk; tests put a faulty or forgetful disk in their place. Results
/// and errno are those of the calls. Thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;
  /// open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644).
  virtual int Create(const std::string& path) = 0;
  virtual ssize_t Write(int file, const void* bytes, size_t size) = 0;
  /// fdatasync: data and the size needed to read it.
  virtual int Sync(int file) = 0;
  virtual int Close(int file) = 0;
  /// rename(from, to): replaces `to`.
  virtual int Rename(const std::string& from, const std::string& to) = 0;
  /// link(from, to): fails with EEXIST if `to` exists.
  virtual int Link(const std::string& from, const std::string& to) = 0;
  virtual int Unlink(const std::string& path) = 0;
  /// mkdir(path, 0755).
  virtual int MakeFolder(const std::string& path) = 0;
  /// open(O_DIRECTORY), fsync, close.
  virtual int SyncFolder(const std::string& path) = 0;
};

/// The real one. Stateless; lives as long as the process.
Disk& SystemDisk();

}  // namespace firn::io
