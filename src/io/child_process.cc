#include "io/child_process.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "io/spawn.h"

extern char** environ;

namespace firn::io {
namespace {

constexpr int kPollMs = 10;

// Takes what is there; keeps the beginning.
void Drain(int fd, std::string* output) {
  char block[4'096];
  for (ssize_t got = ::read(fd, block, sizeof block); got > 0; got = ::read(fd, block, sizeof block)) {
    output->append(block, std::min(static_cast<size_t>(got), kChildOutputBytesMax - output->size()));
  }
}

Result<ChildOutcome> Await(pid_t pid, int output, const ChildCommand& command, const Clock& clock) {
  const auto end = clock.Steady() + command.deadline;
  ChildOutcome outcome;
  for (int state = 0; clock.Steady() < end;) {
    pollfd waiting{.fd = output, .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, kPollMs);
    Drain(output, &outcome.output);
    if (::waitpid(pid, &state, WNOHANG) != pid) {
      // A program that closed its output would be polled without a pause.
      if ((waiting.revents & POLLHUP) != 0) ::poll(nullptr, 0, kPollMs);
      continue;
    }
    Drain(output, &outcome.output);
    outcome.exit_code = ExitCodeOf(state);
    return outcome;
  }
  KillGroup(pid);
  return MakeError(Fault::kTransient,
                   "the program did not end within " + std::to_string(command.deadline.count()) + " ms and was killed");
}

}  // namespace

Result<ChildOutcome> RunChild(const ChildCommand& command, const Clock& clock) {
  ARROW_ASSIGN_OR_RAISE(const OwnedFd input, MakeMemoryFile(command.input));
  ARROW_ASSIGN_OR_RAISE(auto pipe, MakePipe());
  ARROW_ASSIGN_OR_RAISE(const pid_t pid, Spawn({.argv = command.argv,
                                                .folder = command.folder,
                                                .environ = environ,
                                                .input = input.get(),
                                                .output = pipe.second.get(),
                                                .error = pipe.second.get()}));
  pipe.second.Close();
  return Await(pid, pipe.first.get(), command, clock);
}

}  // namespace firn::io
