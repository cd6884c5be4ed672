#include "config/poll_times.h"

#include <algorithm>

#include "config/fields.h"

namespace firn::config {
namespace {

constexpr int64_t kHourMs = 3'600'000;

}  // namespace

std::vector<Field> PollTimeFields() {
  return {Duration("every").Range(100, kHourMs).Default("5s").Doc("After the first question; later ones are rarer."),
          Duration("every_max").Range(100, 24 * kHourMs).Default("1m").Doc("The longest time between two questions."),
          Duration("timeout")
              .Range(1000, 7 * 24 * kHourMs)
              .Default("1h")
              .Doc("How long the job may take, before the table fails. The job itself goes on.")};
}

PollTimes PollTimesOf(const ObjectView& poll) {
  return {.every_ms = poll.Int("every"),
          .every_max_ms = std::max(poll.Int("every"), poll.Int("every_max")),
          .timeout_ms = poll.Int("timeout")};
}

}  // namespace firn::config
