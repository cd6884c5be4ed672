#pragma once

#include <cstdint>
#include <vector>

#include "config/descriptor.h"

namespace firn::config {

/// How often a job is asked about, and for how long.
struct PollTimes {
  int64_t every_ms = 5'000;       // after the first question; each next one is half as long again, up to:
  int64_t every_max_ms = 60'000;  // at least every_ms
  int64_t timeout_ms = 3'600'000;
};

/// `every`, `every_max` and `timeout` of whatever polls.
std::vector<Field> PollTimeFields();
PollTimes PollTimesOf(const ObjectView& poll);

}  // namespace firn::config
