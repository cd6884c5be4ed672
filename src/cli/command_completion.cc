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

std::string Names() {
  std::string names;
  for (const Command& command : AllCommands())
    names += (names.empty() ? "" : " ") + command.name.substr(0, command.name.find(' '));
  return names;
}

// One shell function: the first word completes to a command, words beginning with - to its options, others to files.
std::string Bash() {
  std::string out = "_firn() {\n  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words=\n";
  out += "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W '" + Names() + "' -- \"$word\")); return; fi\n";
  out += "  case \"$command ${COMP_WORDS[2]}\" in\n";
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
  for (const Command& command : AllCommands()) {
    const std::string first = command.name.substr(0, command.name.find(' '));
    out += "complete -c firn -n __fish_use_subcommand -a " + first + " -d '" + command.summary + "'\n";
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
