#include "io/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace firn::io {
namespace {

Status SystemError(const std::string& what, int code) {
  return MakeError(Fault::kConfig, what + ": " + std::strerror(code));
}

// What the child does between fork and exec.
class Actions {
 public:
  Actions() {
    posix_spawn_file_actions_init(&files_);
    posix_spawnattr_init(&attributes_);
  }
  ~Actions() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;

  // The numbers given out here lie above all that are handed over, so none is overwritten before it is.
  void HandOver(const SpawnRequest& request, const std::vector<OwnedFd>& high) {
    posix_spawn_file_actions_adddup2(&files_, request.input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files_, request.output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files_, request.error, STDERR_FILENO);
    int next = STDERR_FILENO + 1;
    for (const OwnedFd& file : high) posix_spawn_file_actions_adddup2(&files_, file.get(), next++);
    posix_spawn_file_actions_addclosefrom_np(&files_, next);
    if (!request.folder.empty()) posix_spawn_file_actions_addchdir_np(&files_, request.folder.c_str());
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }

  const posix_spawn_file_actions_t* files() const { return &files_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

}  // namespace

void OwnedFd::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<OwnedFd> MakeMemoryFile(const std::string& bytes) {
  OwnedFd file(::memfd_create("firn-input", MFD_CLOEXEC));
  if (file.get() < 0) return SystemError("memfd_create", errno);
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(file.get(), bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return SystemError("write the input", errno);
    at += static_cast<size_t>(written);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return SystemError("lseek", errno);
  return file;
}

Result<std::pair<OwnedFd, OwnedFd>> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::pair(OwnedFd(ends[0]), OwnedFd(ends[1]));
}

Result<pid_t> Spawn(const SpawnRequest& request) {
  if (request.argv.empty()) return MakeError(Fault::kConfig, "there is no program");
  std::vector<OwnedFd> high;
  for (const int file : request.files) {
    high.emplace_back(::fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1 + static_cast<int>(request.files.size())));
    if (high.back().get() < 0) return SystemError("fcntl", errno);
  }
  Actions actions;
  actions.HandOver(request, high);
  std::vector<std::string> words = request.argv;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int code = posix_spawnp(&pid, argv.front(), actions.files(), actions.attributes(), argv.data(),
                                const_cast<char* const*>(request.environ));
  if (code != 0) return SystemError("the program `" + request.argv.front() + "` cannot be started", code);
  return pid;
}

void KillGroup(pid_t pid) {
  ::kill(-pid, SIGKILL);
  int state = 0;
  while (::waitpid(pid, &state, 0) < 0 && errno == EINTR) {
  }
}

int ExitCodeOf(int state) {
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

}  // namespace firn::io
