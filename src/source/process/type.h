#pragma once

#include "source/registry.h"

namespace firn::source::process {

/// `source: {type: process}`.
SourceType Type();

}  // namespace firn::source::process
