#include <set>

#include "cli/app.h"
#include "cli/command_line.h"
#include "cli/commands.h"

namespace firn::cli {
namespace {

std::string OptionsOf(const Command& command) {
  std::string words;
  for (const auto& list : {command.options, GlobalOptions()}) {
    for (const Option& option : list) {
      if (option.name.starts_with("--")) words += " " + option.name;
    }
  }
  return words;
}

std::string FirstWord(const Command& command) {
  return command.name.substr(0, command.name.find(' '));
}

// The first words of the commands, each once.
std::string Names() {
  std::string names;
  std::set<std::string> seen;
  for (const Command& command : AllCommands()) {
    if (seen.insert(FirstWord(command)).second) names += (names.empty() ? "" : " ") + FirstWord(command);
  }
  return names;
}

// The second words of `state`, `table`, …
std::string SecondWords(const std::string& first) {
  std::string names;
  for (const Command& command : AllCommands()) {
    if (command.name.starts_with(first + " ")) names += " " + command.name.substr(first.size() + 1);
  }
  return names;
}

// One shell function: the first word completes to a command, words beginning with - to its options, others to files.
std::string Bash() {
  std::string out = "_firn() {\n  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words=\n";
  out += "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W '" + Names() + "' -- \"$word\")); return; fi\n";
  out += "  if [ \"$COMP_CWORD\" -eq 2 ]; then\n    case \"$command\" in\n";
  std::set<std::string> seen;
  for (const Command& command : AllCommands()) {
    const std::string first = FirstWord(command);
    if (SecondWords(first).empty() || !seen.insert(first).second) continue;
    out += "      " + first + ") COMPREPLY=($(compgen -W '" + SecondWords(first) + "' -- \"$word\")); return ;;\n";
  }
  out += "    esac\n  fi\n  case \"$command ${COMP_WORDS[2]}\" in\n";
  for (const Command& command : AllCommands()) {
    out += "    '" + command.name + "'" + (command.name.find(' ') == std::string::npos ? "' '*" : "*") + ") words='" +
           OptionsOf(command) + "' ;;\n";
  }
  out += "  esac\n  case \"$word\" in\n    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n";
  return out + "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}\ncomplete -F _firn firn\n";
}

std::string Zsh() {
  return "autoload -U +X bashcompinit && bashcompinit\n" + Bash();
}

std::string Fish() {
  std::string out;
  std::set<std::string> seen;
  for (const Command& command : AllCommands()) {
    const std::string first = FirstWord(command);
    const std::string seconds = SecondWords(first);
    if (seconds.empty()) {
      out += "complete -c firn -n __fish_use_subcommand -a " + first + " -d '" + command.summary + "'\n";
    } else {
      if (seen.insert(first).second) out += "complete -c firn -n __fish_use_subcommand -a " + first + "\n";
      out += "complete -c firn -n '__fish_seen_subcommand_from " + first + "' -a " +
             command.name.substr(first.size() + 1) + " -d '" + command.summary + "'\n";
    }
    for (const Option& option : command.options) {
      if (!option.name.starts_with("--")) continue;
      out += "complete -c firn -n '__fish_seen_subcommand_from " + first + "' -l " + option.name.substr(2) + " -d '" +
             option.help + "'\n";
    }
  }
  return out;
}

}  // namespace

Command CompletionCommand() {
  return {.name = "completion",
          .group = "Author",
          .summary = "print completion for a shell",
          .options = {{.name = "SHELL",
                       .kind = Option::Kind::kPositional,
                       .help = "bash, zsh or fish",
                       .required = true,
                       .choices = {"bash", "zsh", "fish"}}},
          .run = [](App& app, const Arguments& arguments) -> Result<int> {
            const std::string shell = arguments.Text("SHELL");
            ARROW_RETURN_NOT_OK(app.Print(shell == "fish" ? Fish() : shell == "zsh" ? Zsh() : Bash()));
            return 0;
          }};
}

}  // namespace firn::cli
