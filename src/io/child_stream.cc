#include "io/child_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace firn::io {
namespace {

constexpr int kPollMs = 50;
constexpr std::chrono::milliseconds kHeldMax{1'000};  // whole lines are not kept back for longer
constexpr int kPipeBytes = 1 << 20;
constexpr size_t kReadBytes = size_t{64} << 10;
constexpr size_t kErrorLineBytesMax = 2'048;
constexpr size_t kLastErrorsBytesMax = 2'048;

std::string Seconds(std::chrono::milliseconds time) {
  const auto ms = time.count();
  return ms % 1'000 == 0 ? std::to_string(ms / 1'000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

ChildStream::ChildStream(ChildStreamOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), started_(clock.Steady()), heard_(started_) {}

ChildStream::~ChildStream() {
  Kill();
}

Result<std::unique_ptr<ChildStream>> ChildStream::Start(ChildStreamOptions options, const Clock& clock) {
  std::unique_ptr<ChildStream> stream(new ChildStream(std::move(options), clock));
  ARROW_RETURN_NOT_OK(stream->Launch());
  return stream;
}

Status ChildStream::Launch() {
  SpawnRequest request{.argv = options_.argv, .folder = options_.folder};
  for (const auto& [name, bytes] : options_.files) {
    ARROW_ASSIGN_OR_RAISE(OwnedFd file, MakeMemoryFile(bytes));
    const std::string path = "/dev/fd/" + std::to_string(STDERR_FILENO + 1 + request.files.size());
    request.files.push_back(file.get());
    files_.push_back(std::move(file));
    for (std::string& word : request.argv) {
      for (size_t at = word.find(name); at != std::string::npos; at = word.find(name, at + path.size())) {
        word.replace(at, name.size(), path);
      }
    }
  }
  std::vector<const char*> environment;
  for (const std::string& variable : options_.environment) environment.push_back(variable.c_str());
  environment.push_back(nullptr);
  request.environ = environment.data();
  ARROW_ASSIGN_OR_RAISE(const OwnedFd input, MakeMemoryFile(options_.input));
  ARROW_ASSIGN_OR_RAISE(auto output, MakePipe());
  ARROW_ASSIGN_OR_RAISE(auto error, MakePipe());
  ::fcntl(output.first.get(), F_SETPIPE_SZ, kPipeBytes);  // fewer switches between the two; refused, it stays small
  request.input = input.get();
  request.output = output.second.get();
  request.error = error.second.get();
  ARROW_ASSIGN_OR_RAISE(pid_, Spawn(request));
  output_ = std::move(output.first);
  error_ = std::move(error.first);
  return Status::OK();
}

Result<std::optional<std::string>> ChildStream::Next(std::stop_token stop) {
  given_ = clock_.Steady();
  while (pid_ >= 0) {
    const bool closed = output_.get() < 0;
    if (auto lines = closed ? TakeAll() : std::nullopt) return lines;
    auto paused = closed ? End(stop) : Wait(stop);
    if (!paused.ok()) {
      Kill();
      return paused.status();
    }
    if (*paused && whole_ > 0) return TakeWhole();
  }
  return std::nullopt;
}

// Takes what the program says next. Returns whether what is there should be given: it is a block, or rows would wait
// for others that come much later.
Result<bool> ChildStream::Wait(std::stop_token stop) {
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
  pollfd waiting[] = {{.fd = output_.get(), .events = POLLIN, .revents = 0},
                      {.fd = error_.get(), .events = POLLIN, .revents = 0}};
  const int ready = ::poll(waiting, 2, kPollMs);
  const bool spoke = ReadOutput();
  const bool complained = ReadErrors();
  if (spoke || complained) heard_ = clock_.Steady();
  if (static_cast<int64_t>(lines_.size() - whole_) > options_.line_bytes_max) {
    return MakeError(Fault::kBadData,
                     "the program printed a line of more than " + std::to_string(options_.line_bytes_max) + " bytes");
  }
  ARROW_RETURN_NOT_OK(CheckDeadlines());
  return ready == 0 || static_cast<int64_t>(whole_) >= options_.block_bytes || clock_.Steady() - given_ > kHeldMax;
}

Status ChildStream::CheckDeadlines() {
  const auto now = clock_.Steady();
  if (now - heard_ > options_.idle) {
    return MakeError(Fault::kTransient, "the program printed nothing for " + Seconds(options_.idle) + " and was killed",
                     {.why = last_errors_});
  }
  if (now - started_ > options_.total) {
    return MakeError(Fault::kTransient, "the program did not end within " + Seconds(options_.total) + " and was killed",
                     {.why = last_errors_});
  }
  return Status::OK();
}

// At most one block beyond what is there. Returns whether there was something.
bool ChildStream::ReadOutput() {
  bool any = false;
  while (output_.get() >= 0 && static_cast<int64_t>(whole_) < options_.block_bytes) {
    const size_t size = lines_.size();
    lines_.resize(size + kReadBytes);
    const ssize_t got = ::read(output_.get(), lines_.data() + size, kReadBytes);
    const int error = errno;
    lines_.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error == EINTR) continue;
    if (got == 0 || (got < 0 && error != EAGAIN)) output_.Close();
    if (got <= 0) break;
    any = true;
    const size_t line_end = std::string_view(lines_).substr(size).rfind('\n');
    if (line_end != std::string_view::npos) whole_ = size + line_end + 1;
    if (static_cast<int64_t>(lines_.size() - whole_) > options_.line_bytes_max) break;
  }
  return any;
}

bool ChildStream::ReadErrors() {
  char block[4'096];
  bool any = false;
  while (error_.get() >= 0) {
    const ssize_t got = ::read(error_.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || (got < 0 && errno != EAGAIN)) error_.Close();
    if (got <= 0) break;
    any = true;
    for (const char c : std::string_view(block, static_cast<size_t>(got))) {
      if (c == '\n') {
        TakeErrorLine(error_line_);
        error_line_.clear();
      } else if (error_line_.size() < kErrorLineBytesMax) {
        error_line_ += c;
      }
    }
  }
  return any;
}

void ChildStream::TakeErrorLine(std::string_view line) {
  if (line.empty()) return;
  if (options_.on_error_line) options_.on_error_line(line);
  last_errors_ += (last_errors_.empty() ? "" : "\n") + std::string(line);
  if (last_errors_.size() > kLastErrorsBytesMax) last_errors_.erase(0, last_errors_.size() - kLastErrorsBytesMax);
}

std::string ChildStream::TakeWhole() {
  std::string taken = lines_.substr(whole_);
  taken.swap(lines_);
  taken.resize(std::exchange(whole_, 0));
  return taken;
}

// There will be no more: a last line may lack its end.
std::optional<std::string> ChildStream::TakeAll() {
  if (lines_.empty()) return std::nullopt;
  whole_ = lines_.size();
  return TakeWhole();
}

// Its stdout is closed: the program ends now, or is made to. What it started may hold its stderr for longer.
Result<bool> ChildStream::End(std::stop_token stop) {
  int state = 0;
  while (::waitpid(pid_, &state, WNOHANG) != pid_) {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
    ARROW_RETURN_NOT_OK(CheckDeadlines());
    pollfd waiting{.fd = error_.get(), .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, kPollMs / 10);
    ReadErrors();
  }
  ReadErrors();
  ::kill(-pid_, SIGKILL);  // what it left behind
  pid_ = -1;
  TakeErrorLine(error_line_);
  const int code = ExitCodeOf(state);
  if (code == 0) return false;
  return MakeError(Fault::kTransient,
                   code > 128 ? "the program was ended by signal " + std::to_string(code - 128)
                              : "the program ended with exit code " + std::to_string(code),
                   {.why = last_errors_});
}

void ChildStream::Kill() {
  if (pid_ >= 0) KillGroup(pid_);
  pid_ = -1;
}

}  // namespace firn::io
