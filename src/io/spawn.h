#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

/// Starting programs; for the other files of this folder that run them (child_process.h, child_stream.h).
namespace firn::io {

/// Closes a file descriptor when it ends.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) : fd_(fd) {}
  ~OwnedFd() { Close(); }
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  int get() const { return fd_; }
  void Reset(int fd) {
    Close();
    fd_ = fd;
  }
  void Close();

 private:
  int fd_;
};

/// Makes a file in memory that holds `bytes`, to be read from its beginning: a program that does not read it blocks
/// nobody, and one that opens /dev/fd/N of it may do so many times.
Result<OwnedFd> MakeMemoryFile(const std::string& bytes);

/// Makes a pipe whose read end does not block. {read end, write end}.
Result<std::pair<OwnedFd, OwnedFd>> MakePipe();

/// A program to be started: in a process group of its own, with no signal blocked or ignored.
struct SpawnRequest {
  std::vector<std::string> argv;         // looked for in PATH, or relative to `folder`; no shell
  std::string folder;                    // where it runs; empty: here
  const char* const* environ = nullptr;  // ended by null
  int input = -1, output = -1, error = -1;
  std::vector<int> files;  // are 3, 4 … there; all others are closed
};

/// Errors: kConfig if the program cannot be started.
Result<pid_t> Spawn(const SpawnRequest& request);

/// Kills the process group and waits for the end of the program itself.
void KillGroup(pid_t pid);

/// From the state that waitpid gives: the exit code, or 128 + n for signal n.
int ExitCodeOf(int state);

}  // namespace firn::io
