#include "cli/signal_stop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

namespace firn::cli {
namespace {

sigset_t Watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);  // wakes the thread at the end
  return set;
}

}  // namespace

SignalStop::SignalStop() {
  ::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = Watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { Wait(); });
}

SignalStop::~SignalStop() {
  done_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void SignalStop::Wait() {
  const sigset_t set = Watched();
  for (;;) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    if (done_) return;
    if (number == SIGUSR1) continue;
    if (signal_.load() != 0) _exit(128 + number);
    signal_ = number;
    constexpr char kText[] =
        "\nstopping at the last clean point … (once more quits at once; no row is lost or doubled either way)\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText, std::strlen(kText));
    stop_.request_stop();
  }
}

}  // namespace firn::cli
