#pragma once

#include "config/lowering.h"

namespace firn::config {

/// Reads the `type: steps` source at `path`. Errors: E0533, E0538.
StepsSourceConfig LowerStepsSource(const ObjectView& source, const std::string& path, const LoweringContext& context);

}  // namespace firn::config
