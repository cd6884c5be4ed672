#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "io/spawn.h"

namespace firn::io {

struct ChildStreamOptions {
  std::vector<std::string> argv;  // program (looked for in PATH, or relative to `folder`) and arguments; no shell
  std::string folder;             // where it runs
  std::vector<std::string> environment;  // "NAME=value": all it sees
  std::string input;                     // its stdin
  /// Bytes that no command line and no disk may hold: each occurrence of the name in `argv` is replaced by a path under
  /// which the program, and nobody after its end, reads them.
  std::vector<std::pair<std::string, std::string>> files;
  int64_t block_bytes = int64_t{1} << 20;                    // of whole lines given at once, about
  int64_t line_bytes_max = int64_t{64} << 20;                // a longer line ends the program
  std::chrono::milliseconds idle{300'000};                   // without output
  std::chrono::milliseconds total{3'600'000};                // from start to end
  std::function<void(std::string_view line)> on_error_line;  // of its stderr, cut at 2 KiB; may be null
};

/// A program whose stdout is read line by line while it runs. Owns its process group, which is killed at the end at the
/// latest. Used by one thread; never holds more than a line and a block.
class ChildStream {
 public:
  /// Errors: kConfig if the program cannot be started.
  static Result<std::unique_ptr<ChildStream>> Start(ChildStreamOptions options, const Clock& clock);
  ~ChildStream();

  /// Returns the next whole lines, each with its line end (the very last may lack it): about `block_bytes` of them, or
  /// what is there when the program pauses. nullopt when it ended with exit code 0.
  /// Errors: kTransient when it ended otherwise (`why`: its last words on stderr) or passed a deadline; kBadData for a
  /// line that is too long; kCancelled. The program is dead after an error.
  Result<std::optional<std::string>> Next(std::stop_token stop);

 private:
  ChildStream(ChildStreamOptions options, const Clock& clock);
  Status Launch();
  Result<bool> Wait(std::stop_token stop);
  Status CheckDeadlines();
  bool ReadOutput();
  bool ReadErrors();
  void TakeErrorLine(std::string_view line);
  std::string TakeWhole();
  std::optional<std::string> TakeAll();
  Result<bool> End(std::stop_token stop);
  void Kill();

  const ChildStreamOptions options_;
  const Clock& clock_;
  std::vector<OwnedFd> files_;
  OwnedFd output_, error_;
  pid_t pid_ = -1;
  std::string lines_;        // of stdout, not given yet
  size_t whole_ = 0;         // bytes of `lines_` that are whole lines
  std::string error_line_;   // of stderr, not ended yet
  std::string last_errors_;  // the last lines of stderr
  std::chrono::steady_clock::time_point started_, heard_, given_;
};

}  // namespace firn::io
