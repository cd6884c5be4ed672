#include "pipeline/shared_rates.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "config/rate_window.h"
#include "state/stored_rate_bucket.h"

namespace firn::pipeline {
namespace {

using std::chrono::microseconds;

state::RateShareOptions OptionsOf(const RunContext& context, const std::string& name, const io::RateLimits& limits) {
  const double seconds = std::chrono::duration<double>(limits.window).count();
  // Declared as whole requests: the rate has been divided by the window.
  const auto units = static_cast<int64_t>(limits.requests_per_second * seconds + 1e-6);
  const auto window = std::chrono::duration_cast<microseconds>(limits.window * SleepScale());
  return {.location = context.project.state_location + "/rate/" + name + ".json",
          .units = std::max<int64_t>(1, units),
          .window = std::max(window, microseconds(1'000))};
}

}  // namespace

io::RateSharing ShareRates(const RunContext& context) {
  auto on_machine = io::ShareByFiles(context.project.state_folder + "/rate", context.clock, SleepScale());
  if (context.documents == nullptr) return on_machine;
  return [&context, on_machine = std::move(on_machine)](const std::string& name, const io::RateLimits& limits) {
    if (limits.window.count() > config::kSharedRateMsMax) {
      log::Warn("a rate for more than a minute is shared with this machine alone",
                {{"window_ms", limits.window.count()}});
      return on_machine(name, limits);
    }
    return state::MakeStoredRateBucket(context.clock, *context.documents, OptionsOf(context, name, limits),
                                       SleepScale());
  };
}

}  // namespace firn::pipeline
