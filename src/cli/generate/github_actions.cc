#include <set>

#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/schedule_forms.h"

namespace firn::cli {
namespace {

std::string Variables(const GenerateRequest& request) {
  if (request.variables.empty()) return "";
  std::string text = "    env:\n";
  for (const std::string& name : request.variables) text += "      " + name + ": ${{ secrets." + name + " }}\n";
  return text;
}

}  // namespace

// One workflow per schedule: a run tells by which line of cron it was begun.
Result<std::vector<GeneratedFile>> GenerateGithubActions(const GenerateRequest& request) {
  if (request.zone != "UTC") {
    return MakeError(Fault::kConfig, "GitHub runs schedules in UTC, not in " + request.zone,
                     {.code = "E0981", .state = "nothing was written", .next = "--timezone UTC"});
  }
  std::string schedules, jobs;
  std::set<std::string> crons;
  for (const GeneratedUnit& unit : request.units) {
    ARROW_ASSIGN_OR_RAISE(const std::string cron, config::CronOf(unit.schedule));
    if (crons.insert(cron).second) schedules += "    - cron: " + Quoted(cron) + "\n";
    const std::string job = SafeName(unit.pipeline->name, '_');
    jobs += "  " + job + ":\n    if: github.event_name != 'schedule' || github.event.schedule == '" + cron +
            "'\n    runs-on: ubuntu-24.04\n    timeout-minutes: 360\n"
            "    concurrency: {group: " +
            Quoted("firn-" + job) + ", cancel-in-progress: false}\n" + Variables(request) +
            "    steps:\n      - uses: actions/checkout@v4\n      - name: load " + unit.pipeline->name +
            "\n        run: " + Quoted(ShellWords(request.RunCommand(unit))) + "\n";
  }
  std::string text =
      "# Made by `firn generate github-actions`. A runner has no disk of its own: the lake, and `state`, belong on an\n"
      "# object store. GitHub runs schedules in UTC, sometimes late. `firn` has to be on the runner's PATH.\n"
      "name: " +
      Quoted("firn " + request.name) + "\non:\n  workflow_dispatch:\n  schedule:\n" + schedules +
      "permissions: {contents: read}\njobs:\n" + jobs;
  return std::vector<GeneratedFile>{{.name = "firn-" + SafeName(request.name, '-') + ".yml", .text = std::move(text)}};
}

}  // namespace firn::cli
