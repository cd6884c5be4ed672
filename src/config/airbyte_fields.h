#pragma once

#include "config/descriptor.h"

namespace firn::config {

/// `source: {type: airbyte}`.
Variant AirbyteSourceVariant();

}  // namespace firn::config
