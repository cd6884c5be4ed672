#pragma once

#include "base/status.h"
#include "source/registry.h"

namespace firn::source {

/// Registers every source of this build: one line each, sorted.
Status RegisterBuiltinSources(SourceRegistry& registry);

}  // namespace firn::source
