#pragma once

#include "source/registry.h"

namespace firn::source::airbyte {

/// `source: {type: airbyte}`.
SourceType Type();

}  // namespace firn::source::airbyte
