#pragma once

#include <string>
#include <utility>

#include "base/status.h"

namespace firn::io {

/// A lock between processes of one machine, void at once when its holder dies, however it dies (flock: the kernel
/// releases it). The file keeps the holder's process id for messages and stays behind, empty of meaning.
class ProcessLock {
 public:
  /// Takes the lock on `path` (a plain path; the folder must exist) without waiting.
  /// Errors: kBusy with the holder's process id; kConfig or kTransient if the file cannot be made.
  static Result<ProcessLock> Acquire(const std::string& path);

  ProcessLock(ProcessLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  ProcessLock& operator=(ProcessLock&& other) noexcept;
  ~ProcessLock() { Release(); }
  void Release();
  bool held() const { return file_ >= 0; }

 private:
  static Result<ProcessLock> TryAcquire(const std::string& path);
  explicit ProcessLock(int file) : file_(file) {}
  int file_ = -1;
};

}  // namespace firn::io
