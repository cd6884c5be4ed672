#include "cli/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>
#include <map>

namespace firn::cli {
namespace {

struct Slot {
  const Option* option;
  std::vector<std::string> values;
  bool flag = false;
};

using Slots = std::deque<Slot>;

void Declare(CLI::App& app, const Option& option, Slots* slots) {
  slots->push_back({.option = &option});
  Slot& slot = slots->back();
  CLI::Option* made = nullptr;
  switch (option.kind) {
    case Option::Kind::kFlag:
      app.add_flag(option.name + (option.alias.empty() ? "" : "," + option.alias), slot.flag, option.help);
      return;
    case Option::Kind::kPositional:
      made = app.add_option(option.name, slot.values, option.help)->expected(1)->allow_extra_args(false);
      made->allow_extra_args(false);  // else the first of two positionals takes both
      break;
    case Option::Kind::kPositionals:
      made = app.add_option(option.name, slot.values, option.help)->expected(option.required ? 1 : 0, 1 << 20);
      break;
    case Option::Kind::kList:
      made = app.add_option(option.name, slot.values, option.help)->delimiter(',')->take_all()->allow_extra_args(false);
      break;
    case Option::Kind::kText:
    case Option::Kind::kInteger:
      made = app.add_option(option.name, slot.values, option.help)->expected(1)->allow_extra_args(false);
      break;
  }
  if (option.required) made->required();
  if (!option.choices.empty()) made->check(CLI::IsMember(option.choices));
  if (option.kind == Option::Kind::kInteger) made->check(CLI::TypeValidator<int64_t>());
}

size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string DidYouMean(const std::vector<Command>& commands, const std::string& word) {
  std::string best;
  size_t distance = 3;
  for (const Command& command : commands) {
    const size_t found = Distance(word, command.name);
    if (found < distance) {
      distance = found;
      best = command.name;
    }
  }
  return best.empty() ? "" : "; did you mean `firn " + best + "`?";
}

const Command* Find(const std::vector<Command>& commands, const std::vector<std::string>& words, size_t* used) {
  const Command* found = nullptr;
  for (const Command& command : commands) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (size_t space = command.name.find(' '); space != std::string::npos; space = command.name.find(' ', begin)) {
      parts.push_back(command.name.substr(begin, space - begin));
      begin = space + 1;
    }
    parts.push_back(command.name.substr(begin));
    if (parts.size() <= words.size() && std::equal(parts.begin(), parts.end(), words.begin()) && parts.size() > *used) {
      found = &command;
      *used = parts.size();
    }
  }
  return found;
}

// "usage: firn import …" with the commands that begin with that word; empty if none does.
std::string CommandsBelow(const std::vector<Command>& commands, const std::string& word) {
  std::string text;
  for (const Command& command : commands) {
    if (!command.name.starts_with(word + " ")) continue;
    text += "  firn " + command.name + std::string(command.name.size() < 22 ? 22 - command.name.size() : 1, ' ') +
            command.summary + "\n";
  }
  return text.empty() ? "" : "usage: firn " + word + " …, one of\n" + text;
}

ParsedLine Usage(std::string text) {
  return {.exit_code = 2, .text = std::move(text), .is_error = true};
}

}  // namespace

std::vector<Option> GlobalOptions() {
  return {
      {.name = "--config", .help = "project file or folder, or - for stdin (else FIRN_CONFIG, then firn.yaml upward)"},
      {.name = "--env", .help = "environment of the project (else FIRN_ENV)"},
      {.name = "--set", .kind = Option::Kind::kList, .help = "override a field: path=value"},
      {.name = "--memory", .help = "memory budget of the process, for example 256MiB"},
      {.name = "--threads", .kind = Option::Kind::kInteger, .help = "threads for decoding and encoding"},
      {.name = "--log",
       .help = "what goes to stderr as log lines",
       .choices = {"debug", "info", "warn", "error", "off"}},
      {.name = "--log-format", .help = "form of log lines", .choices = {"text", "json"}},
      {.name = "--quiet", .kind = Option::Kind::kFlag, .help = "no progress and no hints on stderr"},
      {.name = "--color", .help = "colour on stderr", .choices = {"auto", "always", "never"}},
  };
}

std::string HelpText(const std::vector<Command>& commands, const std::string& name) {
  std::string text;
  const auto line = [&](const std::string& left, const std::string& right) {
    text += "  " + left + std::string(left.size() < 26 ? 26 - left.size() : 1, ' ') + right + "\n";
  };
  const auto options = [&](const std::vector<Option>& list) {
    for (const Option& option : list) {
      const bool value = option.kind != Option::Kind::kFlag && option.name.starts_with("--");
      std::string right = option.help;
      for (size_t i = 0; i < option.choices.size(); ++i) right += (i == 0 ? " (" : " | ") + option.choices[i];
      line((option.alias.empty() ? "" : option.alias + ", ") + option.name + (value ? " …" : ""),
           right + (option.choices.empty() ? "" : ")"));
    }
  };
  const auto found =
      std::find_if(commands.begin(), commands.end(), [&](const auto& command) { return command.name == name; });
  if (found == commands.end()) {
    text = "firn moves data from any source into Iceberg tables, exactly once.\n\nusage: firn COMMAND [options]\n";
    std::vector<std::string> groups;  // in the order of their first commands
    for (const Command& command : commands) {
      if (std::ranges::find(groups, command.group) == groups.end()) groups.push_back(command.group);
    }
    for (const std::string& group : groups) {
      text += "\n" + group + "\n";
      for (const Command& command : commands) {
        if (command.group == group) line(command.name, command.summary);
      }
    }
    text += "\noptions of every command\n";
    options(GlobalOptions());
    return text +
           "\nfirn COMMAND --help shows its options. Data goes to stdout, talk to stderr.\n"
           "exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 partially failed, 4 credentials, 5 unreachable,\n"
           "6 contract or quality gate, 7 already running, 10 plan has changes (--detailed-exitcode), 130/143 "
           "signals\n";
  }
  text = "usage: firn " + found->name;
  for (const Option& option : found->options) {
    if (!option.name.starts_with("--")) text += option.required ? " " + option.name : " [" + option.name + "]";
  }
  text += " [options]\n\n" + found->summary + "\n\n";
  options(found->options);
  text += "\noptions of every command\n";
  options(GlobalOptions());
  return text;
}

ParsedLine ParseLine(const std::vector<Command>& commands, const std::vector<std::string>& arguments) {
  const auto is_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (arguments.empty() || is_help(arguments.front()) || arguments.front() == "help") {
    return {.text = HelpText(commands, arguments.size() > 1 ? arguments[1] : ""), .is_error = false};
  }
  if (arguments.front() == "--version" || arguments.front() == "version") return {.text = "firn " FIRN_VERSION "\n"};
  size_t used = 0;
  const Command* command = Find(commands, arguments, &used);
  const bool asks_help = std::any_of(arguments.begin(), arguments.end(), is_help);
  if (command == nullptr) {
    const std::string below = CommandsBelow(commands, arguments.front());
    if (!below.empty() && asks_help) return {.text = below};
    if (!below.empty())
      return Usage("error: `firn " + arguments.front() + "` is the beginning of several commands\n" + below);
    return Usage("error: there is no command `" + arguments.front() + "`" + DidYouMean(commands, arguments.front()) +
                 "\n  next   firn --help\n");
  }
  if (asks_help) return {.text = HelpText(commands, command->name)};
  CLI::App app;
  app.set_help_flag();
  app.allow_extras(false);
  Slots slots;
  const std::vector<Option> global = GlobalOptions();
  for (const Option& option : command->options) Declare(app, option, &slots);
  for (const Option& option : global) Declare(app, option, &slots);
  std::vector<std::string> rest(arguments.rbegin(), arguments.rend() - static_cast<std::ptrdiff_t>(used));
  try {
    app.parse(rest);  // wants the words in reverse
  } catch (const CLI::ParseError& error) {
    return Usage("error: " + std::string(error.what()) + "\n  next   firn " + command->name + " --help\n");
  }
  ParsedLine line{.command = command};
  for (Slot& slot : slots) {
    if (slot.flag) slot.values = {"true"};
    if (!slot.values.empty()) line.arguments.Add(slot.option->name, std::move(slot.values));
  }
  return line;
}

}  // namespace firn::cli
