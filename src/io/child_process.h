#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace firn::io {

struct ChildCommand {
  std::vector<std::string> argv;  // program (looked for in PATH, or relative to `folder`) and arguments; no shell
  std::string folder;             // where it runs
  std::string input;              // its stdin
  std::chrono::milliseconds deadline{10'000};
};

struct ChildOutcome {
  int exit_code = 0;   // 128 + n: ended by signal n
  std::string output;  // the beginning of stdout and stderr together
};

inline constexpr size_t kChildOutputBytesMax = 2'048;

/// Runs a program in a process group of its own and waits for its end. What it prints beyond `output` is dropped. Past
/// the deadline the group is killed. Errors: kConfig if it cannot be started; kTransient past the deadline.
Result<ChildOutcome> RunChild(const ChildCommand& command, const Clock& clock);

}  // namespace firn::io
