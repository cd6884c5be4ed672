#include "io/process_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "io/file_store.h"

namespace firn::io {
namespace {

std::string HolderOf(int file) {
  char text[32];
  const ssize_t size = ::pread(file, text, sizeof text - 1, 0);
  if (size <= 0) return "unknown";
  text[size] = '\0';
  const long pid = std::strtol(text, nullptr, 10);
  return pid > 0 ? std::to_string(pid) : "unknown";
}

// Whoever held the lock may have removed the file between opening it here and locking it: the lock would be on a file
// that nobody else finds.
bool IsStillThere(int file, const std::string& path) {
  struct stat held, found;
  return ::fstat(file, &held) == 0 && ::stat(path.c_str(), &found) == 0 && held.st_ino == found.st_ino &&
         held.st_dev == found.st_dev;
}

}  // namespace

Result<ProcessLock> ProcessLock::Acquire(const std::string& path) {
  constexpr int kAttempts = 10;
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(ProcessLock lock, TryAcquire(path));
    if (IsStillThere(lock.file_, path)) return lock;
    if (attempt == kAttempts) return MakeError(Fault::kBusy, "the lock file vanishes again and again: " + path);
  }
}

Result<ProcessLock> ProcessLock::TryAcquire(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return FileError("open lock", path, errno);
  ProcessLock lock(file);
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError("lock", path, errno);
    return MakeError(Fault::kBusy, "locked by process " + HolderOf(file) + ": " + path,
                     {.next = "wait for that process, or stop it"});
  }
  // The pid is for messages alone; the lock holds without it, so that a full disk does not prevent a run.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file, 0) == 0) static_cast<void>(!::pwrite(file, pid.data(), pid.size(), 0));
  return lock;
}

ProcessLock& ProcessLock::operator=(ProcessLock&& other) noexcept {
  if (this != &other) {
    Release();
    file_ = std::exchange(other.file_, -1);
  }
  return *this;
}

void ProcessLock::Release() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
}

}  // namespace firn::io
