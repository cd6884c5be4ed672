#pragma once

#include <vector>

#include "config/descriptor.h"
#include "config/job_config.h"

namespace firn::config {

/// `every`, `every_max` and `timeout` of whatever polls.
std::vector<Field> PollTimeFields();
PollTimes PollTimesOf(const ObjectView& poll);

}  // namespace firn::config
