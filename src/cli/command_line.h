#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace firn::cli {

/// A parsed command line: what to run, or an exit code with the text to print.
struct ParsedLine {
  const Command* command = nullptr;
  Arguments arguments;  // options of all commands (--config, …) included
  int exit_code = 0;    // with `command` null
  std::string text;     // help or error
  bool is_error = false;
};

/// Options that every command takes.
std::vector<Option> GlobalOptions();

/// Parses arguments (without the program's name). Usage errors give exit code 2 and did-you-mean.
ParsedLine ParseLine(const std::vector<Command>& commands, const std::vector<std::string>& arguments);

/// Help of one command, or of all ("").
std::string HelpText(const std::vector<Command>& commands, const std::string& command);

}  // namespace firn::cli
