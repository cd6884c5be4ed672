#pragma once

#include <string>

#include "base/status.h"
#include "config/project.h"

/// A schedule in the words of other schedulers. Times are in the zone that the scheduler is told beside.
namespace firn::config {

/// Five fields as crontab(5) has them: "*/15 * * * *". Errors: kConfig E0981 for an interval that cron cannot express
/// evenly (`every 7m`), naming one that it can.
Result<std::string> CronOf(const Schedule& schedule);

/// The lines of a [Timer] section (systemd.timer(5)): OnCalendar=… in `zone`, or OnActiveSec= and OnUnitActiveSec= for
/// an interval. Errors: kConfig E0981 where both a day of the month and one of the week are given, which cron takes as
/// either and systemd as both.
Result<std::string> SystemdTimerOf(const Schedule& schedule, const std::string& zone);

/// An expression of Amazon EventBridge Scheduler: "rate(15 minutes)" or "cron(0 6 * * ? *)". Errors: as SystemdTimerOf,
/// and intervals that are not whole minutes.
Result<std::string> EventBridgeOf(const Schedule& schedule);

}  // namespace firn::config
