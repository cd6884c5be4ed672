#pragma once

#include <string>

#include "config/airbyte_config.h"
#include "config/lowering.h"

namespace firn::config {

/// `source`: a checked source of `type: airbyte` at `path`. Errors: E0502.
AirbyteSourceConfig LowerAirbyteSource(const ObjectView& source, const std::string& path,
                                       const LoweringContext& context);

}  // namespace firn::config
