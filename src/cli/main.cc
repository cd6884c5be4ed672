#include "cli/main.h"

#include <sys/prctl.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/error_text.h"
#include "cli/signal_stop.h"
#include "pipeline/run_result.h"

namespace firn::cli {
namespace {

log::Level LevelOf(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "info") return log::Level::kInfo;
  if (name == "error") return log::Level::kError;
  return name == "off" ? log::Level::kOff : log::Level::kWarn;
}

// Arrow's allocator asks for huge pages. Batches and pages of Parquet come and go in pieces of some KiB: the kernel
// then clears 2 MiB where a few pages are wanted, which was half of all time in the kernel and a fifth of the memory of
// a load.
void UseSmallPages() {
  static_cast<void>(::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));  // refused: slower, no more
}

int RunCommand(const Command& command, const Arguments& arguments, const Clock& clock, SignalStop& signals,
               log::Session& log) {
  App app(arguments, clock, signals.token());
  app.UseLog(&log);
  app.ReadsSource(command.reads_source);
  if (command.reads_tables) app.Outside(OutsideTables::kRead);
  const Result<int> code = command.run(app, arguments);
  if (signals.signal() != 0) {
    if (!code.ok() && !app.already_printed() && FaultOf(code.status()) != Fault::kCancelled)
      app.Say(ErrorText(code.status()));
    return 128 + signals.signal();
  }
  if (code.ok()) return *code;
  if (FaultOf(code.status()) == Fault::kCancelled) return 0;  // the reader of stdout went away
  if (!app.already_printed()) app.Say(ErrorText(code.status()));
  return pipeline::ExitCodeOf(code.status());
}

}  // namespace

int Main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::vector<Command> commands = AllCommands();
  const ParsedLine line = ParseLine(commands, words);
  if (line.command == nullptr) {
    std::fputs(line.text.c_str(), line.is_error ? stderr : stdout);
    return line.exit_code;
  }
  UseSmallPages();
  const auto clock = MakeSystemClock();
  if (!clock.ok()) {
    std::fputs(ErrorText(clock.status()).c_str(), stderr);
    return 2;
  }
  SignalStop signals;  // before any other thread
  const auto log = log::Session::Start(
      {.format = line.arguments.Text("--log-format") == "json" ? log::Format::kJson : log::Format::kText,
       .level = LevelOf(line.arguments.Text("--log", "warn"))});
  if (!log.ok()) {
    std::fputs(ErrorText(log.status()).c_str(), stderr);
    return 2;
  }
  return RunCommand(*line.command, line.arguments, **clock, signals, **log);
}

}  // namespace firn::cli
