#pragma once

#include <string>

#include "config/lowering.h"
#include "config/process_config.h"

namespace firn::config {

/// `source`: a checked source of `type: process` at `path`. Errors: E0499.
ProcessSourceConfig LowerProcessSource(const ObjectView& source, const std::string& path,
                                       const LoweringContext& context);

}  // namespace firn::config
