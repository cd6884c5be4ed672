#pragma once

#include <stop_token>

#include "base/status.h"
#include "source/registry.h"

namespace firn::source {

/// Registers every source of this build: one line each, sorted. `stop`: of the process; sources whose parts take no
/// token of their own end their waits by it.
Status RegisterBuiltinSources(SourceRegistry& registry, const std::stop_token& stop = {});

}  // namespace firn::source
