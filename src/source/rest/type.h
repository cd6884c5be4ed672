#pragma once

#include "source/registry.h"

namespace firn::source::rest {

/// `source: {type: rest}`: lowers the project's tables to a plan and runs it.
SourceType Type();

}  // namespace firn::source::rest
