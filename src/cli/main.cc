#include "cli/main.h"

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

int RunCommand(const Command& command, const Arguments& arguments, const Clock& clock, SignalStop& signals) {
  App app(arguments, clock, signals.token());
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
  return RunCommand(*line.command, line.arguments, **clock, signals);
}

}  // namespace firn::cli
