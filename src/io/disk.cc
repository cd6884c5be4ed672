#include "io/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace firn::io {
namespace {

class PosixDisk : public Disk {
 public:
  int Create(const std::string& path) override {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  }
  ssize_t Write(int file, const void* bytes, size_t size) override { return ::write(file, bytes, size); }
  int Sync(int file) override { return ::fdatasync(file); }
  int Close(int file) override { return ::close(file); }
  int Rename(const std::string& from, const std::string& to) override { return std::rename(from.c_str(), to.c_str()); }
  int Link(const std::string& from, const std::string& to) override { return ::link(from.c_str(), to.c_str()); }
  int Unlink(const std::string& path) override { return ::unlink(path.c_str()); }
  int MakeFolder(const std::string& path) override { return ::mkdir(path.c_str(), 0755); }
  int SyncFolder(const std::string& path) override {
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -1;
    const int result = ::fsync(folder);
    const int error = errno;
    ::close(folder);
    errno = error;
    return result;
  }
};

}  // namespace

Disk& SystemDisk() {
  static PosixDisk disk;
  return disk;
}

}  // namespace firn::io
