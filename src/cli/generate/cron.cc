#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/schedule_forms.h"

namespace firn::cli {
namespace {

// In crontab(5) a percent sign ends the command.
std::string CronCommand(const std::string& command) {
  std::string text;
  for (const char c : command) text += c == '%' ? std::string("\\%") : std::string(1, c);
  return text;
}

}  // namespace

Result<std::vector<GeneratedFile>> GenerateCron(const GenerateRequest& request) {
  std::string text =
      "# Made by `firn generate cron`; install it with `crontab FILE`, which replaces what is there. Cron mails what "
      "is\n"
      "# said on stderr to MAILTO. A load that is still at work makes the next one end with code 7, which does no "
      "harm.\n"
      "# Variables with secrets are read from the .env file beside the project.\n"
      "SHELL=/bin/sh\n";
  if (request.zone_given)
    text += "# Debian's cron does not know CRON_TZ: there the times are those of the machine's zone.\nCRON_TZ=" +
            request.zone + "\n";
  for (const GeneratedUnit& unit : request.units) {
    ARROW_ASSIGN_OR_RAISE(const std::string cron, config::CronOf(unit.schedule));
    auto words = request.RunCommand(unit);
    words.emplace_back("--quiet");
    text += cron + " " + CronCommand(ShellWords(words)) + "\n";
  }
  return std::vector<GeneratedFile>{{.name = request.name + ".crontab", .text = std::move(text)}};
}

}  // namespace firn::cli
