#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/schedule_forms.h"

namespace firn::cli {
namespace {

constexpr char kService[] = R"unit([Unit]
Description=firn: load @NAME@
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=@COMMAND@
WorkingDirectory=@FOLDER@
# 7: a load of this pipeline is at work already.
SuccessExitStatus=7
TimeoutStartSec=6h
# SIGINT: what was read whole is committed first.
KillSignal=SIGINT
TimeoutStopSec=2min
NoNewPrivileges=yes
PrivateTmp=yes
)unit";

}  // namespace

Result<std::vector<GeneratedFile>> GenerateSystemd(const GenerateRequest& request) {
  std::vector<GeneratedFile> files;
  for (const GeneratedUnit& unit : request.units) {
    ARROW_ASSIGN_OR_RAISE(const std::string times, config::SystemdTimerOf(unit.schedule, request.zone));
    const std::string name = "firn-" + SafeName(unit.pipeline->name, '-');
    const std::string folder = request.config.substr(0, request.config.rfind('/'));
    files.push_back({.name = name + ".service",
                     .text = Filled(kService, {{"NAME", unit.pipeline->name},
                                               {"COMMAND", UnitWords(request.RunCommand(unit))},
                                               {"FOLDER", UnitPath(folder)}})});
    const bool calendar = times.starts_with("OnCalendar");
    files.push_back({.name = name + ".timer",
                     .text = "[Unit]\nDescription=firn: when " + unit.pipeline->name + " is loaded\n\n[Timer]\n" +
                             times + (calendar ? "Persistent=true\n" : "") +
                             "RandomizedDelaySec=30s\n\n[Install]\nWantedBy=timers.target\n"});
  }
  return files;
}

}  // namespace firn::cli
