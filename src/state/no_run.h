#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace firn::state {

/// Runs may be named by the beginning of their id.
inline constexpr size_t kIdBeginningMin = 4;  // characters of a run id

/// kConfig E0751: no run has that id, or beginning of an id.
inline Status NoRun(std::string_view run_id, std::string why) {
  return MakeError(Fault::kConfig, "there is no run " + std::string(run_id),
                   {.code = "E0751", .why = std::move(why), .next = "firn runs"});
}

}  // namespace firn::state
